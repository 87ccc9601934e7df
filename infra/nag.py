"""Accepting findings of cdk-nag, next to the resource that each is about."""

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct


def accept(construct: IConstruct, rule: str, reason: str) -> None:
    """Accepts a finding on a construct and what is inside it.

    Args:
        construct: What the finding is about.
        rule: The rule, with the finding in brackets where the rule reports several.
        reason: Why the finding is acceptable.
    """
    Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason))


def accept_wildcard(
    construct: IConstruct, *, owner: IConstruct, arn: str, suffix: str, reason: str
) -> None:
    """Accepts that a role names a resource of another stack with a wildcard at its end.

    Args:
        construct: What the role is part of.
        owner: What the resource is part of.
        arn: The ARN of the resource.
        suffix: What follows the ARN, with the wildcard.
        reason: Why the finding is acceptable.
    """
    # The rule names a resource of another stack by the export name of that stack.
    stack = Stack.of(owner)
    exported = stack.resolve(stack.export_value(arn))["Fn::ImportValue"]
    accept(construct, f"IAM5[Resource::{exported}{suffix}]", reason)


def accept_resource(construct: IConstruct, arn: str, reason: str) -> None:
    """Accepts that a role names resources outside of the deployment by a wildcard.

    Args:
        construct: What the role is part of.
        arn: Their ARN.
        reason: Why the finding is acceptable.
    """
    resolved = Stack.of(construct).resolve(arn)
    parts = resolved["Fn::Join"][1] if isinstance(resolved, dict) else [resolved]
    # The rule shows a pseudo parameter as its name in angle brackets.
    shown = "".join(part if isinstance(part, str) else f"<{part['Ref']}>" for part in parts)
    accept(construct, f"IAM5[Resource::{shown}]", reason)
