"""The protocol of a consumer of an inbox over a WebSocket, without a network.

The client with asyncio and the one without it send the messages that this module makes, and hand it
the messages that they receive.
"""

import logging
import random
from collections.abc import Callable
from typing import Any

from event_bus_client.calls import Call, expected, path, pause_after
from event_bus_client.errors import (
    ConnectionFailed,
    EventBusError,
    NotFound,
    ServerError,
    TooManyRequests,
    problem,
)
from event_bus_client.models import Received

logger = logging.getLogger("event_bus_client")

Message = dict[str, Any]

IDLE_SECONDS = 240.0
"""The client pings after this time without a message. API Gateway ends a connection after 600 s."""

ANSWER_SECONDS = 20.0
"""How long the bus may take to answer."""

MOST_UNACKNOWLEDGED = 25
"""How many handled events may wait for their acknowledgement."""

ACKNOWLEDGE_SECONDS = 1.0
"""The least time between two acknowledgements of fewer events."""

LONGEST_RECONNECT_SECONDS = 30.0
"""The longest wait before the next connection, unless the bus asks for a longer one."""

_SUBSCRIBE = "subscribe"


class Conversation:
    """One consumer of an inbox, over as many connections as it takes.

    Times are those of a monotonic clock, in seconds.

    Attributes:
        place: The cursor of the last handled event; a new connection continues after it.
    """

    def __init__(
        self,
        subscription_id: str,
        place: str | None,
        randomness: Callable[[], float] = random.random,
    ) -> None:
        """Has no connection yet.

        Args:
            subscription_id: The subscription, of the type `websocket`.
            place: The cursor after which to begin; None for the last acknowledged event.
            randomness: Returns a number from 0 to 1.
        """
        self.place = place
        self._id = subscription_id
        self._randomness = randomness
        self._handled = False
        self._unacknowledged = 0
        self._acknowledged_at = 0.0
        self._failures = 0
        self._ping_at = 0.0
        self._answer_due = float("inf")

    def connected(self, now: float) -> Message:
        """Begins a connection; returns its first message."""
        self._await_answer(now)
        if self._handled:
            # The last acknowledgement may have been lost with the connection before.
            self._unacknowledged = max(self._unacknowledged, 1)
        asked = {"action": "subscribe", "subscription_id": self._id, "ref": _SUBSCRIBE}
        return asked if self.place is None else {**asked, "cursor": self.place}

    def received(self, message: Message, now: float) -> list[Received]:
        """Reads a message of the bus.

        Returns:
            Its events, without those that were handled already.

        Raises:
            Problem: The bus refuses the subscription.
            ConnectionFailed: The bus has forgotten the connection, or the message is not one of the
                bus; connect again.
        """
        self._ping_at, self._answer_due = now + IDLE_SECONDS, float("inf")
        if "type" not in message:
            # The function that should answer has failed, or is throttled.
            raise ConnectionFailed(
                f"API Gateway answered instead of the bus: {message.get('message')}"
            )
        with expected("A message of the bus"):
            if message.get("type") == "error":
                self._refused(message)
            if message.get("type") == "subscribed" and self.place is None:
                self.place = str(int(message["cursor"]))
            items = [Received.model_validate(each) for each in message.get("items", ())]
            new = [each for each in items if int(each.cursor) > int(self.place or 0)]
        self._failures = 0
        return new

    def idle(self, now: float) -> list[Message]:
        """Returns what to send when no message has come.

        Raises:
            ConnectionFailed: The bus has not answered in time; connect again.
        """
        if now >= self._answer_due:
            raise ConnectionFailed("The bus does not answer on the WebSocket.")
        messages = self.unacknowledged(now)
        if now >= self._ping_at:
            self._await_answer(now)
            messages.append({"action": "ping"})
        return messages

    def handled(self, received: Received, now: float) -> list[Message]:
        """Notes a handled event; returns an acknowledgement if one is due."""
        self.place, self._handled = received.cursor, True
        self._unacknowledged += 1
        if (
            self._unacknowledged < MOST_UNACKNOWLEDGED
            and now - self._acknowledged_at < ACKNOWLEDGE_SECONDS
        ):
            return []
        return self.unacknowledged(now)

    def unacknowledged(self, now: float) -> list[Message]:
        """Returns the acknowledgement of all handled events, unless it was sent."""
        if not self._unacknowledged:
            return []
        self._unacknowledged, self._acknowledged_at = 0, now
        return [{"action": "ack", "subscription_id": self._id, "cursor": self.place}]

    def pause(self, failure: EventBusError) -> float:
        """Notes a failure; returns the seconds to wait before the next connection."""
        self._failures += 1
        longest = min(LONGEST_RECONNECT_SECONDS, 0.25 * 2.0 ** min(self._failures, 10))
        seconds = pause_after(failure, longest * self._randomness(), self._randomness)
        logger.warning(
            "following %s failed; it continues in %.2f s: %s", self._id, seconds, failure
        )
        return seconds

    def read_payload(self, received: Received) -> Call | None:
        """Returns the request for an event that is too large for a WebSocket."""
        content, error = received.content, received.error or {}
        left_out = isinstance(content, dict) and any(
            name in content and content[name] is None for name in ("payload", "payload_base64")
        )
        if not left_out and error.get("code") != "too_large":
            return None
        query = {"cursor": int(received.cursor) - 1, "limit": 1}
        return Call("GET", path("/subscriptions/{}/events", self._id), query=query)

    def _await_answer(self, now: float) -> None:
        self._ping_at, self._answer_due = now + IDLE_SECONDS, now + ANSWER_SECONDS

    def _refused(self, message: Message) -> None:
        document = message.get("error", {})
        refusal = problem(int(document.get("status", 500)), document)
        if message.get("ref") == _SUBSCRIBE:
            raise refusal
        if isinstance(refusal, NotFound):
            raise ConnectionFailed("The bus has forgotten the connection.") from refusal
        if isinstance(refusal, ServerError | TooManyRequests) and self._handled:
            # If it was an acknowledgement, the bus may send nothing more until it comes again.
            self._unacknowledged = max(self._unacknowledged, 1)
        logger.warning("the bus refused a message about %s: %s", self._id, refusal)


def with_payload(received: Received, answer: Any) -> Received:
    """Returns the event as the answer to `read_payload` has it; itself if it is gone.

    Raises:
        UnexpectedAnswer: It is not an answer of the bus.
    """
    with expected("The answer to a pull"):
        found = [Received.model_validate(each) for each in answer["items"]]
    return next((each for each in found if each.cursor == received.cursor), received)
