"""The outputs of the stacks."""

import aws_cdk as cdk
from constructs import Construct


def output(scope: Construct, name: str, value: str) -> None:
    """Adds a value to the outputs of a stack.

    Args:
        scope: The construct that the value belongs to.
        name: The name of the output, independent of the nesting of constructs.
        value: The value.
    """
    cdk.CfnOutput(scope, f"{name}Output", value=value).override_logical_id(name)
