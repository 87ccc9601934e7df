"""Sends to connected clients through API Gateway's management API.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from event_bus import json_numbers
from event_bus.log import logger

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

MAX_MESSAGE_BYTES = 120 * 1024
"""The most bytes of one message: API Gateway accepts 128 KB."""


class ConnectionGone(Exception):
    """The client is no longer connected, or was disconnected because it does not read."""


@dataclass(frozen=True, slots=True)
class Connections:
    """The clients that are connected.

    Attributes:
        client: The client of the management API.
    """

    client: "ApiGatewayManagementApiClient"

    def send(self, connection_id: str, message: dict[str, Any]) -> None:
        """Sends a message, and ends the connection if its buffer is full.

        Raises:
            ConnectionGone: The client is not connected any more.
        """
        try:
            self.client.post_to_connection(
                ConnectionId=connection_id, Data=json_numbers.dumps(message)
            )
        except self.client.exceptions.GoneException:
            raise ConnectionGone(connection_id) from None
        except self.client.exceptions.LimitExceededException:
            # The client reads too slowly, or not at all. Repeating the push would hold up the
            # others of its batch.
            logger.info("WebSocket client reads too slowly", connection_id=connection_id)
            self.close(connection_id)
            raise ConnectionGone(connection_id) from None

    def close(self, connection_id: str) -> None:
        """Ends a connection, if it exists."""
        with suppress(self.client.exceptions.GoneException):
            self.client.delete_connection(ConnectionId=connection_id)
