"""Sends to connected clients through API Gateway's management API.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from event_bus import json_numbers

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

MAX_MESSAGE_BYTES = 120 * 1024
"""The most bytes of one message: API Gateway accepts 128 KB."""


class Gone(Exception):
    """The client is no longer connected."""


@dataclass(frozen=True, slots=True)
class Connections:
    """The clients that are connected.

    Attributes:
        client: The client of the management API.
    """

    client: "ApiGatewayManagementApiClient"

    def send(self, connection_id: str, message: dict[str, Any]) -> None:
        """Sends a message.

        Raises:
            Gone: The client is not connected.
        """
        try:
            self.client.post_to_connection(
                ConnectionId=connection_id, Data=json_numbers.dumps(message)
            )
        except self.client.exceptions.GoneException:
            raise Gone(connection_id) from None

    def close(self, connection_id: str) -> None:
        """Ends a connection, if it exists."""
        with suppress(self.client.exceptions.GoneException):
            self.client.delete_connection(ConnectionId=connection_id)
