"""Log groups with a retention."""

from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.removal import removal_policy
from infra.settings import DeploymentSettings

_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


class BusLogGroup(logs.LogGroup):
    """A log group with the retention of the settings."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        name: str | None = None,
    ) -> None:
        """Makes the log group.

        Args:
            scope: The parent construct.
            construct_id: Its id in the parent construct.
            settings: The settings of the deployment.
            name: Its name in CloudWatch; None for one that CloudFormation chooses. No other
                deployment may ever have had it, because a log group outlives its stack.
        """
        super().__init__(
            scope,
            construct_id,
            log_group_name=name,
            retention=_RETENTION[settings.log_retention_days],
            removal_policy=removal_policy(settings),
        )
