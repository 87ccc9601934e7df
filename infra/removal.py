"""The removal policy of stored data."""

import aws_cdk as cdk

from infra.settings import DeploymentSettings


def removal_policy(settings: DeploymentSettings) -> cdk.RemovalPolicy:
    """Returns the policy for whatever holds data or logs.

    Args:
        settings: The settings of the deployment.

    Returns:
        A local stage is deleted with all its data. Elsewhere data stays once its deployment has
        finished; a failed first deployment is removed by its rollback, so that the next one can
        begin again.
    """
    if settings.local:
        return cdk.RemovalPolicy.DESTROY
    return cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


def kept_even_if_unfinished(settings: DeploymentSettings) -> cdk.RemovalPolicy:
    """Returns the policy for what others may rely on before its own deployment has finished.

    Args:
        settings: The settings of the deployment.
    """
    return cdk.RemovalPolicy.DESTROY if settings.local else cdk.RemovalPolicy.RETAIN
