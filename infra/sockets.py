"""The WebSocket API: its authorizer, the messages of clients, and pushes to them."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from constructs import Construct

from infra.api_stage import ApiStage
from infra.data import DataStack
from infra.function import BusFunction
from infra.gateway_logs import GatewayLogRole
from infra.layers import Layers
from infra.nag import accept, accept_resource
from infra.outputs import output
from infra.settings import DeploymentSettings
from infra.table_stream import Batching, TableStreamSource

# API Gateway itself times out after 29 seconds.
_SOCKET_TIMEOUT = cdk.Duration.seconds(28)
_PUSH_TIMEOUT = cdk.Duration.seconds(60)

_ACCESS_LOG = {
    "request_id": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "connection_id": "$context.connectionId",
    "event": "$context.eventType",
    "status": "$context.status",
    "integration_latency_ms": "$context.integrationLatency",
    "integration_error": "$context.integrationErrorMessage",
    "authorizer_error": "$context.authorizer.error",
    "source_ip": "$context.identity.sourceIp",
}


class Sockets(Construct):
    """The WebSocket API and its functions.

    Attributes:
        socket: The function that answers clients.
        push: The function that pushes new entries of inboxes.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        layers: Layers,
        data: DataStack,
        authorize: BusFunction,
        settings: DeploymentSettings,
    ) -> None:
        """Makes the API.

        Args:
            scope: The parent construct.
            construct_id: Its id in the parent construct.
            layers: The layers under the functions.
            data: What is stored.
            authorize: The function that authenticates clients.
            settings: The settings of the deployment.
        """
        super().__init__(scope, construct_id)
        self.socket = BusFunction(
            self,
            "Socket",
            folder="socket",
            layers=layers,
            timeout=_SOCKET_TIMEOUT,
        )
        self.push = BusFunction(
            self,
            "Push",
            folder="push",
            layers=layers,
            timeout=_PUSH_TIMEOUT,
        )
        self._api = self._make_api(authorize, settings)
        for function in (self.socket, self.push):
            self._serve_connections(function, data, settings)
        self._start_subscriptions(data, settings)
        self._push_entries(data, settings)
        output(self, "WebsocketApiId", self._api.api_id)
        output(self, "WebsocketUrl", f"{self._api.api_endpoint}/{settings.stage}")

    def _serve_connections(
        self, function: BusFunction, data: DataStack, settings: DeploymentSettings
    ) -> None:
        """Lets a function take a connection, push the events of its inbox, and close it."""
        function.use_table(data.socket_subscribers, "DeleteItem", "GetItem", "Query", "UpdateItem")
        function.use_table(data.inbox, "Query", "UpdateItem")
        function.use_table(data.events, "BatchGetItem")
        # The commands that have ended.
        function.use_table(data.deliveries, "BatchGetItem")
        function.use_table(data.keys, "GetItem")
        function.watch_secret("ADMIN_SECRET_ARN", data.admin_secret)
        function.use_bucket(data.payloads, "GetObject")
        function.open_payloads(data)
        function.use_table(data.subscriptions, "DeleteItem", "GetItem")
        function.use_table(data.changes, "PutItem", "Query")
        function.count_subscriptions(data)
        function.read_rights(data, "BatchGetItem")
        _send_to_clients(function, self._api.api_id, settings)

    def _start_subscriptions(self, data: DataStack, settings: DeploymentSettings) -> None:
        """Lets `socket` begin to follow inboxes and make the subscriptions of listeners."""
        self.socket.use_table(data.socket_subscribers, "PutItem", indexes=("by_connection",))
        self.socket.use_table(data.inbox, "GetItem")
        self.socket.set_variable("SERVICE_LISTENERS", str(settings.service_listeners))
        self.socket.use_table(data.subscriptions, "PutItem")
        self.socket.use_table(data.cursors, "GetItem", "UpdateItem")
        self.socket.use_table(data.limits, "UpdateItem")
        self.socket.use_retention()

    def _push_entries(self, data: DataStack, settings: DeploymentSettings) -> None:
        """Passes entries of pushed inboxes to `push`, when they are new or passed again."""
        TableStreamSource(
            self,
            "Inbox",
            table=data.inbox,
            function=self.push,
            # Other inboxes are fetched from, not pushed.
            patterns=[
                {
                    "eventName": ["INSERT", "MODIFY"],
                    "dynamodb": {"NewImage": {"pushed": {"BOOL": [True]}}},
                }
            ],
            # An event that is not pushed stays in its inbox. The next event or ping brings it.
            batching=Batching(cdk.Duration.minutes(5)),
            settings=settings,
        )

    def _make_api(
        self, authorize: BusFunction, settings: DeploymentSettings
    ) -> apigateway.WebSocketApi:
        def talk(name: str) -> integrations.WebSocketLambdaIntegration:
            return integrations.WebSocketLambdaIntegration(name, self.socket.function)

        api = apigateway.WebSocketApi(
            self,
            "Api",
            api_name=f"event-bus-{settings.stage}-websocket",
            description=f"Event bus, stage {settings.stage}: WebSocket",
        )
        api.add_route(
            "$connect",
            integration=talk("Connect"),
            # A key is in either of two headers, or a token is in the query.
            authorizer=authorizers.WebSocketLambdaAuthorizer(
                "Authorizer", authorize.function, identity_source=[]
            ),
        )
        for key, name in (("$disconnect", "Disconnect"), ("$default", "Message")):
            accept(
                api.add_route(key, integration=talk(name)),
                "APIG4",
                "API Gateway authorizes connections; messages come by these alone.",
            )
        made = ApiStage(
            self,
            "Stage",
            api_id=api.api_id,
            name=settings.stage,
            access_log=_ACCESS_LOG if settings.websocket_access_log else None,
            settings=settings,
        )
        if settings.websocket_access_log:
            first = cast("cdk.CfnResource", api.node.default_child)
            logging = GatewayLogRole(self, "LogRole", api=first, settings=settings)
            made.stage.add_resource_dependency(logging.account)
        else:
            accept(
                made,
                "APIG1",
                "An access log of a WebSocket API needs a role that is set for the whole account; "
                "a setting turns both on.",
            )
        return api


def _send_to_clients(function: BusFunction, api_id: str, settings: DeploymentSettings) -> None:
    """Allows a function to send to the clients of a WebSocket API, and to end their connections."""
    function.set_variable("SOCKET_API_ID", api_id)
    function.set_variable("URL_SUFFIX", cdk.Aws.URL_SUFFIX)
    for method in ("POST", "DELETE"):
        connections = (
            f"arn:{cdk.Aws.PARTITION}:execute-api:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}"
            f":{api_id}/{settings.stage}/{method}/@connections/*"
        )
        function.allow("execute-api", ["ManageConnections"], [connections])
        accept_resource(function, connections, "Clients come and go, each with a connection.")
