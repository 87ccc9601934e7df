"""The stage of an API: its limits and its access log."""

import json
from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from constructs import Construct

from infra.logs import BusLogGroup
from infra.settings import Settings


class ApiStage(Construct):
    """The one stage of an API, which is deployed as it changes."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        api_id: str,
        name: str,
        access_log: Mapping[str, str],
        settings: Settings,
    ) -> None:
        """Makes the stage.

        Args:
            scope: What it is part of.
            construct_id: Its name there.
            api_id: The API.
            name: The stage's name.
            access_log: What is logged of a request, by name.
            settings: The settings of the deployment.
        """
        super().__init__(scope, construct_id)
        log_group = BusLogGroup(self, "AccessLog", settings=settings)
        apigateway.CfnStage(
            self,
            "Stage",
            api_id=api_id,
            stage_name=name,
            auto_deploy=True,
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=settings.throttling_rate,
                throttling_burst_limit=settings.throttling_burst,
            ),
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                # The group's own ARN: its attribute `Arn` ends with a wildcard for its streams.
                destination_arn=cdk.Stack.of(self).format_arn(
                    service="logs",
                    resource="log-group",
                    arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                    resource_name=log_group.log_group_name,
                ),
                format=json.dumps(access_log),
            ),
        )
