"""The exports of a stack for the others."""

from aws_cdk import Stack
from constructs import IConstruct


def export(owner: IConstruct, *values: str) -> None:
    """Exports attributes of a resource, whether another stack imports them or not.

    By default, the CDK exports only what is imported. A deployment that imports less then removes
    an export before the importing stack is updated, which CloudFormation refuses: "Export … cannot
    be deleted as it is in use by …".

    Args:
        owner: What the resource is part of.
        values: The attributes.
    """
    for value in values:
        Stack.of(owner).export_value(value)
