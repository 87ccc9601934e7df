"""The stack of the API: its routes, its authorizer, its domain, and WebSockets."""

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_iam as iam
from constructs import Construct
from event_bus.api.operations.registry import OPERATIONS

from infra.api_functions import ApiFunctions
from infra.api_stage import ApiStage, integrations_of
from infra.audit import AUDIT_QUEUE_URL, AuditStack
from infra.bus import BusStack
from infra.cors import cors
from infra.data import DataStack
from infra.domain import ApiDomain
from infra.exports import export
from infra.iam_api import IamApi
from infra.layers import Layers
from infra.nag import accept
from infra.outputs import output
from infra.settings import DeploymentSettings
from infra.sockets import Sockets
from infra.stack import StageStack

_STAGE = "$default"

# API Gateway lets an account change its APIs only a few times a second.
_ROUTES_AT_A_TIME = 10

_ACCESS_LOG = {
    "request_id": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "route": "$context.routeKey",
    "service_id": "$context.authorizer.service_id",
    "status": "$context.status",
    "latency_ms": "$context.responseLatency",
    "integration_latency_ms": "$context.integrationLatency",
    "integration_error": "$context.integrationErrorMessage",
    "authorizer_error": "$context.authorizer.error",
    "source_ip": "$context.identity.sourceIp",
}


class ApiStack(StageStack):
    """The public API, over HTTP and over WebSockets.

    Attributes:
        api: The HTTP API.
        functions: The functions behind it, and its authorizer, by folder.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        data: DataStack,
        audit: AuditStack,
        bus: BusStack,
    ) -> None:
        super().__init__(scope, construct_id, description="Event bus: the API", settings=settings)
        self._settings = settings
        layers = Layers(self, "Layers", settings=settings)
        self.functions = ApiFunctions(
            self, layers=layers, data=data, audit=audit, bus=bus
        ).by_folder
        self.api = self._make_api(settings)
        host = settings.domain_name or cdk.Fn.parse_domain_name(self.api.api_endpoint)
        self.functions["registry"].set_variable("API_HOST", host)
        stage = self._stage()
        self._routes()
        if settings.domain_name:
            ApiDomain(self, "Domain", api=self.api, stage=stage, settings=settings)
        if settings.iam_callers:
            IamApi(
                self,
                "IamApi",
                functions=self.functions,
                data=data,
                access_log=_ACCESS_LOG,
                settings=settings,
            )
        export(self, self.api.api_id)
        output(self, "ApiUrl", f"https://{host}")
        output(self, "ApiId", self.api.api_id)
        sockets = Sockets(
            self,
            "Sockets",
            layers=layers,
            data=data,
            authorize=self.functions["authorize"],
            settings=settings,
        )
        self.functions |= {"socket": sockets.socket, "push": sockets.push}
        self._pace_routes()
        routed = {route.function for route in OPERATIONS if not route.public}
        # The authorizer records the WebSocket connections that it refuses.
        for name in sorted({*routed, "authorize", "socket"}):
            self.functions[name].use_queue(AUDIT_QUEUE_URL, audit.queue.queue, "SendMessage")

    def _make_api(self, settings: DeploymentSettings) -> apigateway.HttpApi:
        return apigateway.HttpApi(
            self,
            "Api",
            api_name=f"event-bus-{settings.stage}",
            description=f"Event bus, stage {settings.stage}",
            create_default_stage=False,
            # The default endpoint would be a way around the domain, which requires mutual TLS.
            disable_execute_api_endpoint=bool(settings.truststore),
            cors_preflight=self._cors(),
        )

    def _cors(self) -> apigateway.CorsPreflightOptions | None:
        if not self._settings.origins:
            return None
        allowed = cors(self._settings.origins)
        return apigateway.CorsPreflightOptions(
            allow_origins=allowed["AllowOrigins"],
            allow_methods=[apigateway.CorsHttpMethod(each) for each in allowed["AllowMethods"]],
            allow_headers=allowed["AllowHeaders"],
            expose_headers=allowed["ExposeHeaders"],
            max_age=cdk.Duration.seconds(allowed["MaxAge"]),
        )

    def _stage(self) -> apigateway.CfnStage:
        return ApiStage(
            self,
            "Stage",
            api_id=self.api.api_id,
            name=_STAGE,
            access_log=_ACCESS_LOG,
            settings=self._settings,
        ).stage

    def _routes(self) -> None:
        # No identity source and no cache: a key may be in either of two headers, and a request
        # without one must reach the function, which refuses it with problem details.
        authorizer = authorizers.HttpLambdaAuthorizer(
            "Authorizer",
            self.functions["authorize"].function,
            authorizer_name="api-key",
            identity_source=[],
            response_types=[authorizers.HttpLambdaResponseType.SIMPLE],
            results_cache_ttl=cdk.Duration.seconds(0),
        )
        integrations = integrations_of(self.functions, OPERATIONS)
        for route in OPERATIONS:
            for made in self.api.add_routes(
                path=route.path,
                methods=[apigateway.HttpMethod(method) for method in route.methods],
                integration=integrations[route.function],
                authorizer=apigateway.HttpNoneAuthorizer() if route.public else authorizer,
            ):
                if route.public:
                    accept(made, "APIG4", "Probes and readers of the description have no key.")
        unknown = apigateway.HttpRoute(
            self,
            "Unknown",
            http_api=self.api,
            route_key=apigateway.HttpRouteKey.DEFAULT,
            integration=integrations["status"],
        )
        accept(unknown, "APIG4", "Answers that there is no such route, and nothing else.")
        # The API's permission covers methods and paths, and this route has neither.
        self.functions["status"].function.add_permission(
            "Unknown",
            principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
            source_arn=self.format_arn(
                service="execute-api", resource=self.api.api_id, resource_name="*/$default"
            ),
        )

    def _pace_routes(self) -> None:
        # CloudFormation would create all routes at once, and fail when API Gateway throttles it.
        routes = [each for each in self.node.find_all() if isinstance(each, apigateway.CfnRoute)]
        for earlier, later in zip(routes, routes[_ROUTES_AT_A_TIME:], strict=False):
            later.add_resource_dependency(earlier)
