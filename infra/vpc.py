"""Connects a function to a VPC, for callbacks from the addresses of its subnets."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from infra.nag import accept_resource
from infra.settings import DeploymentSettings

# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaVPCAccessExecutionRole.html
_ACTIONS = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
]


def join_vpc(function: lambda_.Function, role: iam.Role, settings: DeploymentSettings) -> None:
    """Connects a function to the subnets and security groups of the settings.

    Lambda uses the function's role to create network interfaces before any code runs. The code
    itself is denied these actions.

    Args:
        function: The function.
        role: Its role.
        settings: The settings of the deployment.
    """
    resource = cast("lambda_.CfnFunction", function.node.default_child)
    resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
        subnet_ids=settings.subnets,
        security_group_ids=settings.security_groups,
        ipv6_allowed_for_dual_stack=settings.dual_stack,
    )
    # Lambda checks the role at once, so the function must depend on its policy.
    role.add_to_policy(iam.PolicyStatement(actions=_ACTIONS, resources=["*"]))
    here = f"arn:{cdk.Aws.PARTITION}:lambda:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}"
    role.add_to_policy(
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=_ACTIONS,
            resources=["*"],
            # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
            conditions={
                "ArnLike": {
                    "lambda:SourceFunctionArn": f"{here}:function:event-bus-{settings.stage}-*"
                }
            },
        )
    )
    accept_resource(
        function.node.scope or function,
        "*",
        "Lambda's network interfaces have no names before they are made, and two of the actions "
        "know no resources.",
    )
