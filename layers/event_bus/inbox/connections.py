"""Sends to connected clients through API Gateway's management API.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from event_bus import json_numbers, times
from event_bus.log import logger

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

MAX_MESSAGE_BYTES = 120 * 1024
"""The most bytes of one message: API Gateway accepts 128 KB."""


_PAUSES = (0.5, 1.0)
"""The pauses before a message is sent again that API Gateway does not take, in seconds.

It refuses a message if the buffer of the client is full, but with the same error if it limits the
rate of requests.
"""


class ConnectionGone(Exception):
    """The client is no longer connected, or was disconnected because it does not read."""


@dataclass(frozen=True, slots=True)
class Connections:
    """The clients that are connected.

    Attributes:
        client: The client of the management API.
        sleep: Sleeps for a number of seconds.
    """

    client: "ApiGatewayManagementApiClient"
    sleep: Callable[[float], None] = times.sleep

    def send(self, connection_id: str, message: dict[str, Any]) -> None:
        """Sends a message, and ends the connection if API Gateway takes no more for it.

        Raises:
            ConnectionGone: The client is not connected any more.
        """
        data = json_numbers.dumps(message)
        for pause in (*_PAUSES, None):
            try:
                self.client.post_to_connection(ConnectionId=connection_id, Data=data)
            except self.client.exceptions.GoneException:
                raise ConnectionGone(connection_id) from None
            except self.client.exceptions.LimitExceededException:
                if pause is not None:
                    self.sleep(pause)
                continue
            return
        # Repeating the push would hold up the others of its batch.
        logger.info("WebSocket client reads too slowly", connection_id=connection_id)
        self.close(connection_id)
        raise ConnectionGone(connection_id)

    def close(self, connection_id: str) -> None:
        """Ends a connection, if it exists."""
        with suppress(self.client.exceptions.GoneException):
            self.client.delete_connection(ConnectionId=connection_id)
