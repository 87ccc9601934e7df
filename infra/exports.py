"""What a stack exports for the others."""

from aws_cdk import Stack
from constructs import IConstruct


def export(owner: IConstruct, *values: str) -> None:
    """Exports attributes of a resource, whether another stack imports them or not.

    Left to itself, the CDK exports what is imported and nothing else. A deployment that imports
    less then removes an export before the stack that imports it is updated, and CloudFormation
    refuses that: "Export … cannot be deleted as it is in use by …".

    Args:
        owner: What the resource is part of.
        values: The attributes.
    """
    for value in values:
        Stack.of(owner).export_value(value)
