"""What happens to stored things when they leave their stack."""

import aws_cdk as cdk

from infra.settings import Settings


def removal_policy(settings: Settings) -> cdk.RemovalPolicy:
    """The policy for whatever holds data or logs.

    Args:
        settings: The settings of the deployment.

    Returns:
        Everything goes with a local stage. With any other, everything stays once its deployment
        has finished; what a failed deployment made goes with its rollback, so that the next one
        can begin anew.
    """
    if settings.local:
        return cdk.RemovalPolicy.DESTROY
    return cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
