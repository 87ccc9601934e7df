"""The common base of the stacks of a deployment."""

import aws_cdk as cdk
from constructs import Construct

from infra.settings import DeploymentSettings


class StageStack(cdk.Stack):
    """A stack of one stage.

    Termination protection is a setting that is off at first: CloudFormation deletes a stack whose
    creation failed before it can create it again, and would not delete a protected one.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, description: str, settings: DeploymentSettings
    ) -> None:
        """Makes the stack.

        Args:
            scope: The app.
            construct_id: Its id in the app.
            description: Its description in CloudFormation.
            settings: The settings of the deployment.
        """
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            description=description,
            termination_protection=settings.protect,
        )
