"""The stack of the API: its functions, its authorizer, its routes."""

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_iam as iam
from constructs import Construct
from event_bus.api.operations.registry import OPERATIONS
from event_bus.encryption import data_keys, signing_secrets

from infra.api_stage import ApiStage
from infra.audit import AUDIT_QUEUE_URL, AuditStack
from infra.bus import REPLAY_QUEUE_URL, BusStack
from infra.cors import cors
from infra.data import DataStack
from infra.domain import ApiDomain
from infra.exports import export
from infra.function import BusFunction
from infra.iam_api import IamApi
from infra.layers import Layers
from infra.nag import accept
from infra.outputs import output
from infra.settings import Settings
from infra.sockets import Sockets
from infra.stack import StageStack
from infra.target_grants import call_reducers, know_targets, provide_queues, read_tags

# API Gateway itself times out after 30 seconds.
_TIMEOUT = cdk.Duration.seconds(29)
_AUTHORIZER_TIMEOUT = cdk.Duration.seconds(10)

_STAGE = "$default"

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
        settings: Settings,
        data: DataStack,
        audit: AuditStack,
        bus: BusStack,
    ) -> None:
        super().__init__(scope, construct_id, description="Event bus: the API", settings=settings)
        self._settings = settings
        self._layers = Layers(self, "Layers", settings=settings)
        authorize = self._authorize(data)
        self.functions = {
            "authorize": authorize,
            "publish": self._publish(data),
            "events": self._events(data),
            "registry": self._registry(data, bus),
            "keys": self._keys(data),
            "recovery": self._recovery(data, bus),
            "inbox": self._inbox(data),
            "audit_log": self._audit_log(data),
            "metrics": self._metrics(data, bus, audit),
            "status": self._status(data, bus),
        }
        for folder in {route.function for route in OPERATIONS if route.creates}:
            self.functions[folder].remember_answers(data)
        self.api = apigateway.HttpApi(
            self,
            "Api",
            api_name=f"event-bus-{settings.stage}",
            description=f"Event bus, stage {settings.stage}",
            create_default_stage=False,
            # It would be a way around a domain with mutual TLS.
            disable_execute_api_endpoint=bool(settings.truststore),
            cors_preflight=self._cors(),
        )
        host = settings.domain_name or cdk.Fn.parse_domain_name(self.api.api_endpoint)
        self.functions["registry"].tell("API_HOST", host)
        stage = self._stage()
        self._routes(authorize)
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
            layers=self._layers,
            data=data,
            authorize=authorize,
            settings=settings,
        )
        self.functions |= {"socket": sockets.socket, "push": sockets.push}
        routed = {route.function for route in OPERATIONS if not route.public}
        # The authorizer refuses WebSockets.
        for name in sorted({*routed, "authorize", "socket"}):
            self.functions[name].use_queue(AUDIT_QUEUE_URL, audit.queue.queue, "SendMessage")

    def _authorize(self, data: DataStack) -> BusFunction:
        function = self._function("authorize", timeout=_AUTHORIZER_TIMEOUT)
        function.use_table(data.keys, "GetItem", "UpdateItem")
        function.use_table(data.limits, "UpdateItem")
        function.tell("KEY_RATE", str(self._settings.key_rate))
        function.use_secret("ADMIN_SECRET_ARN", data.admin_secret, data.key)
        return function

    def _publish(self, data: DataStack) -> BusFunction:
        function = self._function("publish", memory_mb=1024)
        function.use_table(data.events, "BatchGetItem", "GetItem", "PutItem")
        function.use_table(data.idempotency, "GetItem", "PutItem")
        function.use_table(data.streams, "PutItem", "Query")
        # Whether the publisher may see the event that it names as a cause.
        function.use_table(data.deliveries, "BatchGetItem")
        function.use_table(data.subscriptions, indexes=("by_service",))
        # The handlers of commands.
        function.use_table(data.changes, "GetItem")
        function.know_rights(data, "BatchGetItem")
        function.seal_payloads(data)
        function.use_bucket(data.payloads, "PutObject")
        function.use_retention()
        return function

    def _events(self, data: DataStack) -> BusFunction:
        function = self._function("events")
        function.use_table(
            data.events,
            "BatchGetItem",
            "GetItem",
            indexes=("by_cell", "by_correlation", "by_trace"),
        )
        function.use_table(data.deliveries, "BatchGetItem", "Query")
        function.use_table(data.subscriptions, "GetItem", indexes=("by_service", "by_kind"))
        function.use_table(data.publishers, indexes=("by_kind",))
        function.use_table(
            data.streams,
            *("BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            indexes=("by_source",),
        )
        # Snapshots of states; those of streams with sealed parts are sealed as well.
        function.use_table(
            data.states,
            *("BatchGetItem", "GetItem", "PutItem", "Query"),
            indexes=("by_first", "by_second"),
        )
        function.open_payloads(data)
        function.use_sealing_key(data.sealing_key, data_keys.PURPOSE, "GenerateDataKey")
        function.use_retention()
        function.use_bucket(data.payloads, "GetObject")
        function.know_rights(data, "BatchGetItem")
        call_reducers(function, self._settings)
        return function

    def _registry(self, data: DataStack, bus: BusStack) -> BusFunction:
        function = self._function("registry")
        function.use_table(
            data.publishers,
            *("BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem"),
            indexes=("by_kind",),
        )
        function.use_table(
            data.keys,
            *("BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem"),
            indexes=("by_service",),
        )
        function.use_table(
            data.subscriptions,
            "BatchGetItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            indexes=("by_service", "by_kind"),
        )
        function.use_table(
            data.changes,
            *("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
        )
        function.tell("SERVICE_SUBSCRIPTIONS", str(self._settings.service_subscriptions))
        function.know_rights(
            data, "BatchGetItem", "DeleteItem", "GetItem", "PutItem", indexes=("by_kind",)
        )
        function.use_table(data.circuits, "BatchGetItem", "DeleteItem", "PutItem", "Scan")
        function.use_table(data.events, "PutItem")
        function.use_sealing_key(data.sealing_key, signing_secrets.PURPOSE, "Encrypt")
        function.use_table(data.replays, "GetItem", "PutItem")
        function.use_table(data.states, "GetItem", "PutItem", "Query")
        function.use_table(data.metrics, "BatchGetItem")
        function.use_table(data.inbox, "DeleteItem")
        function.use_table(data.contexts, "DeleteItem", "GetItem", "PutItem", "Query")
        know_targets(function, self._settings)
        read_tags(function, self._settings)
        provide_queues(function, self._settings)
        function.call_back()
        function.use_queue(REPLAY_QUEUE_URL, bus.replays.queue, "SendMessage")
        function.use_retention()
        return function

    def _keys(self, data: DataStack) -> BusFunction:
        function = self._function("keys")
        function.use_table(
            data.keys,
            *("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem"),
            indexes=("by_service",),
        )
        function.use_table(data.publishers, "GetItem")
        function.use_table(data.subscriptions, "BatchGetItem", indexes=("by_service",))
        function.use_table(data.changes, "GetItem")
        function.tell("KEY_RATE", str(self._settings.key_rate))
        return function

    def _recovery(self, data: DataStack, bus: BusStack) -> BusFunction:
        function = self._function("recovery")
        function.use_table(data.events, "GetItem")
        function.use_table(
            data.deliveries,
            *("BatchGetItem", "GetItem", "Query", "UpdateItem"),
            indexes=("by_dead", "by_dead_service"),
        )
        function.use_table(data.subscriptions, "BatchGetItem", "GetItem", indexes=("by_service",))
        function.know_rights(data, "BatchGetItem")
        function.use_table(data.replays, "GetItem", "PutItem", indexes=("by_kind", "by_service"))
        function.use_bucket(data.payloads, "GetObject")
        bus.lanes.send_from(function)
        function.use_queue(REPLAY_QUEUE_URL, bus.replays.queue, "SendMessage")
        function.use_retention()
        return function

    def _inbox(self, data: DataStack) -> BusFunction:
        function = self._function("inbox")
        function.use_table(data.subscriptions, "GetItem", "PutItem", "UpdateItem")
        function.use_table(data.changes, "PutItem", "Query")
        function.count_subscriptions(data)
        function.tell("SERVICE_LISTENERS", str(self._settings.service_listeners))
        function.use_table(data.keys, "GetItem", "PutItem")
        function.use_table(data.inbox, "GetItem", "Query")
        function.use_table(data.limits, "UpdateItem")
        function.tell("WAITING_REQUESTS", str(self._settings.waiting_requests))
        function.use_table(data.cursors, "GetItem", "UpdateItem")
        function.know_rights(data, "BatchGetItem")
        function.use_table(data.events, "BatchGetItem", "GetItem", "PutItem")
        function.use_bucket(data.payloads, "GetObject")
        function.use_retention()
        self._send_commands(function, data)
        return function

    @staticmethod
    def _send_commands(function: BusFunction, data: DataStack) -> None:
        """Lets a function publish commands and replies, and follow what becomes of them."""
        function.use_table(data.deliveries, "BatchGetItem", "GetItem", "PutItem", "Query")
        function.use_table(data.idempotency, "GetItem", "PutItem")
        function.use_table(data.streams, "PutItem", "Query")
        function.use_bucket(data.payloads, "PutObject")
        function.seal_payloads(data)

    def _audit_log(self, data: DataStack) -> BusFunction:
        function = self._function("audit_log")
        function.use_table(data.audit, "Query")
        return function

    def _metrics(self, data: DataStack, bus: BusStack, audit: AuditStack) -> BusFunction:
        function = self._function("metrics")
        function.use_table(data.metrics, "BatchGetItem")
        function.tell("SUBSCRIPTION_METRICS", str(self._settings.subscription_metrics))
        function.use_table(data.subscriptions, "Scan")
        function.use_table(data.circuits, "Scan")
        function.use_table(data.replays, "GetItem", indexes=("by_running",))
        self._know_lag(function, data, bus)
        function.use_queue(AUDIT_QUEUE_URL, audit.queue.queue, "GetQueueAttributes")
        redrives = {
            **{f"{lane.name.upper()}_LANE": lane.work for lane in bus.lanes.all},
            "ENRICH_LANE": bus.lanes.enrichment.work,
            "UNROUTABLE": bus.unroutable,
            "REPLAY": bus.replays,
            "AUDIT": audit.queue,
        }
        for name, work in redrives.items():
            # By name, because all the URLs would exceed the 4 KB of an environment.
            function.allow("sqs", ["GetQueueAttributes"], [work.redrive.queue_arn])
            function.tell(f"{name}_REDRIVE_NAME", work.redrive.queue_name)
        return function

    def _status(self, data: DataStack, bus: BusStack) -> BusFunction:
        function = self._function("status")
        function.use_table(data.events, "GetItem")
        self._know_lag(function, data, bus)
        function.use_queue("UNROUTABLE_REDRIVE_URL", bus.unroutable.redrive, "GetQueueAttributes")
        function.use_table(data.metrics, "BatchGetItem", "Query")
        function.use_table(data.subscriptions, "BatchGetItem")
        function.use_table(data.replays, "GetItem")
        return function

    @staticmethod
    def _know_lag(function: BusFunction, data: DataStack, bus: BusStack) -> None:
        function.use_table(data.events, indexes=("by_cell",))
        function.use_table(data.deliveries, "BatchGetItem", indexes=("by_due",))
        for lane in bus.lanes.all:
            function.use_queue(lane.url_variable, lane.work.queue, "GetQueueAttributes")
        enrichment = bus.lanes.enrichment
        function.use_queue(enrichment.url_variable, enrichment.work.queue, "GetQueueAttributes")
        function.use_queue("UNROUTABLE_QUEUE_URL", bus.unroutable.queue, "GetQueueAttributes")
        function.use_queue(REPLAY_QUEUE_URL, bus.replays.queue, "GetQueueAttributes")
        function.read_statistics()

    def _function(
        self, folder: str, *, memory_mb: int = 512, timeout: cdk.Duration = _TIMEOUT
    ) -> BusFunction:
        return BusFunction(
            self,
            folder.title(),
            folder=folder,
            layers=self._layers,
            memory_mb=memory_mb,
            timeout=timeout,
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

    def _routes(self, authorize: BusFunction) -> None:
        # No identity source and no cache: a key may be in either of two headers, and a request
        # without one must reach the function, which refuses it with problem details.
        authorizer = authorizers.HttpLambdaAuthorizer(
            "Authorizer",
            authorize.function,
            authorizer_name="api-key",
            identity_source=[],
            response_types=[authorizers.HttpLambdaResponseType.SIMPLE],
            results_cache_ttl=cdk.Duration.seconds(0),
        )
        # One permission for the API, not one for each route: a function's policy has its limit.
        behind = {
            folder: integrations.HttpLambdaIntegration(
                folder.title(), self.functions[folder].function, scope_permission_to_route=False
            )
            for folder in dict.fromkeys(route.function for route in OPERATIONS)
        }
        for route in OPERATIONS:
            for made in self.api.add_routes(
                path=route.path,
                methods=[apigateway.HttpMethod(method) for method in route.methods],
                integration=behind[route.function],
                authorizer=apigateway.HttpNoneAuthorizer() if route.public else authorizer,
            ):
                if route.public:
                    accept(made, "APIG4", "Probes and readers of the description have no key.")
        unknown = apigateway.HttpRoute(
            self,
            "Unknown",
            http_api=self.api,
            route_key=apigateway.HttpRouteKey.DEFAULT,
            integration=behind["status"],
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
