"""What a deployment tells whoever deployed it."""

import aws_cdk as cdk
from constructs import Construct


def output(scope: Construct, name: str, value: str) -> None:
    """Puts a value among the outputs of a stack.

    Args:
        scope: What the value is about.
        name: The name of the output, the same however the constructs are nested.
        value: The value.
    """
    cdk.CfnOutput(scope, f"{name}Output", value=value).override_logical_id(name)
