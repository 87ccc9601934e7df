"""The role by which API Gateway writes the logs of WebSocket APIs."""

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.nag import accept
from infra.removal import kept_even_if_unfinished, removal_policy
from infra.settings import DeploymentSettings

_POLICY = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"


class GatewayLogRole(Construct):
    """The role, and the account's setting that names it.

    An account has one such role in a region, which all its REST and WebSocket APIs share
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html). Whoever
    deploys last sets it. Both stay when the stack goes, since other APIs may rely on them. The role
    also stays when a deployment fails.

    Attributes:
        account: The account's setting.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        api: cdk.CfnResource,
        settings: DeploymentSettings,
    ) -> None:
        """Makes the role, and sets it.

        Args:
            scope: The parent construct.
            construct_id: Its id in the parent construct.
            api: An API. An account in which API Gateway never had one refuses the setting
                (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-apigateway-account.html).
            settings: The settings of the deployment.
        """
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(_POLICY)],
        )
        # A rollback does not restore the account's setting, which then still names the role.
        role.apply_removal_policy(kept_even_if_unfinished(settings))
        accept(
            role,
            f"IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{_POLICY}]",
            "API Gateway checks that the role may do what this policy allows, for all of its APIs.",
        )
        self.account = apigateway.CfnAccount(self, "Account", cloud_watch_role_arn=role.role_arn)
        self.account.apply_removal_policy(removal_policy(settings))
        # API Gateway refuses a role that may not write yet.
        self.account.node.add_dependency(role)
        self.account.add_resource_dependency(api)
