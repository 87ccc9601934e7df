"""The role by which API Gateway writes the logs of WebSocket APIs."""

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.nag import accept
from infra.removal import removal_policy
from infra.settings import Settings

_POLICY = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"


class GatewayLogRole(Construct):
    """The role, and the account's setting that names it.

    An account has one such role in a region, which all its REST and WebSocket APIs share
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html). Whoever
    deploys last sets it. Both stay when the stack goes, since other APIs may rely on them.

    Attributes:
        account: The account's setting.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(_POLICY)],
        )
        role.apply_removal_policy(removal_policy(settings))
        accept(
            role,
            f"IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{_POLICY}]",
            "API Gateway checks that the role may do what this policy allows, for all of its APIs.",
        )
        self.account = apigateway.CfnAccount(self, "Account", cloud_watch_role_arn=role.role_arn)
        self.account.apply_removal_policy(removal_policy(settings))
        # API Gateway refuses a role that may not write yet.
        self.account.node.add_dependency(role)
