"""The common parts of HTTP and WebSocket APIs: stages with limits and access logs, integrations."""

import json
from collections.abc import Iterable, Mapping

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from constructs import Construct
from event_bus.api.operation import Operation

from infra.function import BusFunction
from infra.logs import BusLogGroup
from infra.settings import DeploymentSettings


class ApiStage(Construct):
    """The only stage of an API, deployed with each change.

    Attributes:
        stage: The stage.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        api_id: str,
        name: str,
        access_log: Mapping[str, str] | None,
        settings: DeploymentSettings,
    ) -> None:
        """Makes the stage.

        Args:
            scope: The parent construct.
            construct_id: Its id in the parent construct.
            api_id: The API.
            name: The stage's name.
            access_log: The logged values of a request, by name; None for no log.
            settings: The settings of the deployment.
        """
        super().__init__(scope, construct_id)
        self.stage = apigateway.CfnStage(
            self,
            "Stage",
            api_id=api_id,
            stage_name=name,
            auto_deploy=True,
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=settings.throttling_rate,
                throttling_burst_limit=settings.throttling_burst,
            ),
            access_log_settings=self._log_to(api_id, access_log, settings) if access_log else None,
        )

    def _log_to(
        self, api_id: str, access_log: Mapping[str, str], settings: DeploymentSettings
    ) -> apigateway.CfnStage.AccessLogSettingsProperty:
        log_group = BusLogGroup(
            self,
            "AccessLog",
            # CloudWatch Logs lets API Gateway write by a policy of at most 5,120 characters for
            # all of an account's log groups, unless their names begin like this.
            name=f"/aws/vendedlogs/event-bus-{settings.stage}/{api_id}",
            settings=settings,
        )
        return apigateway.CfnStage.AccessLogSettingsProperty(
            # Not the attribute `Arn` of the log group, which ends with a wildcard for its log
            # streams.
            destination_arn=cdk.Stack.of(self).format_arn(
                service="logs",
                resource="log-group",
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                resource_name=log_group.log_group_name,
            ),
            format=json.dumps(access_log),
        )


def integrations_of(
    functions: Mapping[str, BusFunction], operations: Iterable[Operation]
) -> dict[str, integrations.HttpLambdaIntegration]:
    """Makes the integrations of an HTTP API with the functions behind its operations.

    Each has one permission for the API instead of one for each route, because the size of a
    function's policy is limited.

    Args:
        functions: The functions, by folder.
        operations: The operations.

    Returns:
        The integrations, by the folder of the function.
    """
    return {
        folder: integrations.HttpLambdaIntegration(
            folder.title(), functions[folder].function, scope_permission_to_route=False
        )
        for folder in dict.fromkeys(each.function for each in operations)
    }
