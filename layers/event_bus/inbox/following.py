"""How many subscriptions a connection may follow, and how many connections a subscription has."""

from dataclasses import dataclass

from event_bus.errors import Conflict
from event_bus.stores.socket_subscribers import SocketSubscriberKey, SocketSubscriberStore

MAX_SUBSCRIPTIONS = 20
"""The most subscriptions that one connection follows."""

MAX_CONNECTIONS = 100
"""The most connections that follow one subscription. Each event is pushed to all of them."""


@dataclass(frozen=True, slots=True)
class FollowingLimits:
    """Refuses connections that would follow too much.

    Attributes:
        socket_subscribers: The WebSocket subscribers.
    """

    socket_subscribers: SocketSubscriberStore

    def check_room(self, connection_id: str) -> None:
        """Refuses a connection that follows as many subscriptions as it may, as far as is known.

        Raises:
            Conflict: It does.
        """
        if len(self.socket_subscribers.of_connection(connection_id)) >= MAX_SUBSCRIPTIONS:
            raise _follows_too_many()

    def check_added(self, key: SocketSubscriberKey, expires_at: int, *, durable: bool) -> None:
        """Refuses a WebSocket subscriber that was added to as many as there may be.

        Args:
            key: The WebSocket subscriber.
            expires_at: When its connection has certainly ended, in Unix seconds.
            durable: Whether others may follow the same subscription.

        Raises:
            Conflict: Its connection or its subscription has too many without it.
            TimeoutError: Other messages of its connection were faster in every attempt.
        """
        # Each counts itself and all that were added before, so that no two take the last place.
        if (
            durable
            and len(self.socket_subscribers.of_subscription(key.subscription_id)) > MAX_CONNECTIONS
        ):
            raise Conflict(
                f"The subscription {key.subscription_id} has {MAX_CONNECTIONS} connections, the "
                "most that it may have at a time; end one of them."
            )
        if not self.socket_subscribers.take_place(key, MAX_SUBSCRIPTIONS, expires_at):
            raise _follows_too_many()


def _follows_too_many() -> Conflict:
    return Conflict(
        f"A connection follows at most {MAX_SUBSCRIPTIONS} subscriptions; unsubscribe from one, or "
        "open another connection."
    )
