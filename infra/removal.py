"""What happens to stored things when their stack is destroyed."""

import aws_cdk as cdk

from infra.settings import Settings


def removal_policy(settings: Settings) -> cdk.RemovalPolicy:
    """The policy for whatever holds data or logs.

    Args:
        settings: The settings of the deployment.

    Returns:
        Everything goes with a local stage, and nothing with any other.
    """
    return cdk.RemovalPolicy.DESTROY if settings.local else cdk.RemovalPolicy.RETAIN
