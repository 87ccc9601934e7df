"""A second API over the same functions, for callers that sign their requests (SigV4)."""

from collections.abc import Mapping

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_ssm as ssm
from constructs import Construct
from event_bus.api.operations.registry import OPERATIONS

from infra.api_stage import ApiStage, integrations_of
from infra.data import DataStack
from infra.function import BusFunction
from infra.outputs import output
from infra.settings import DeploymentSettings


class IamApi(Construct):
    """An API for IAM callers; its functions find the service of each caller.

    A route has one authorizer, so the API for keys cannot accept signatures as well.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: Mapping[str, BusFunction],
        data: DataStack,
        access_log: Mapping[str, str],
        settings: DeploymentSettings,
    ) -> None:
        """Makes the API.

        Args:
            scope: The parent construct.
            construct_id: Its id in the parent construct.
            functions: The functions behind it, by folder.
            data: What is stored.
            access_log: The logged values of a request, by name.
            settings: The settings of the deployment.
        """
        super().__init__(scope, construct_id)
        api = apigateway.HttpApi(
            self,
            "Api",
            api_name=f"event-bus-{settings.stage}-iam",
            description=f"Event bus, stage {settings.stage}: for callers that sign",
            create_default_stage=False,
            default_authorizer=authorizers.HttpIamAuthorizer(),
        )
        ApiStage(
            self,
            "Stage",
            api_id=api.api_id,
            name="$default",
            access_log=access_log,
            settings=settings,
        )
        routes = [route for route in OPERATIONS if not route.public]
        for folder in dict.fromkeys(route.function for route in routes):
            functions[folder].use_table(data.keys, "GetItem", "UpdateItem")
            functions[folder].use_table(data.limits, "UpdateItem")
            functions[folder].set_variable("KEY_RATE", str(settings.key_rate))
        integrations = integrations_of(functions, routes)
        for route in routes:
            api.add_routes(
                path=route.path,
                methods=[apigateway.HttpMethod(method) for method in route.methods],
                integration=integrations[route.function],
            )
        ssm.StringParameter(
            self, "Id", parameter_name=_id_parameter(settings), string_value=api.api_id
        )
        output(self, "IamApiUrl", api.api_endpoint)
        output(self, "IamApiId", api.api_id)


def deployed_iam_api(
    scope: Construct, construct_id: str, settings: DeploymentSettings
) -> apigateway.IHttpApi:
    """Returns the API as it is deployed, for a stack that is deployed after it.

    Its id comes from an SSM parameter, and not from an export of its stack. CloudFormation does not
    delete an export while another stack imports it, so `iam_callers` could not be turned off.

    Args:
        scope: The parent construct.
        construct_id: Its id in the parent construct.
        settings: The settings of the deployment.
    """
    return apigateway.HttpApi.from_http_api_attributes(
        scope,
        construct_id,
        http_api_id=ssm.StringParameter.value_for_string_parameter(scope, _id_parameter(settings)),
    )


def _id_parameter(settings: DeploymentSettings) -> str:
    return f"/event-bus/{settings.stage}/iam-api-id"
