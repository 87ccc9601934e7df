"""The table of WebSocket subscribers: connections that inboxes are pushed to, with progress."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from event_bus import times
from event_bus.conflicts import attempts
from event_bus.stores.items import ConditionFailed, Item, document, number, text, unexpired
from event_bus.stores.table import Table

if TYPE_CHECKING:
    from event_bus.stores.table import Condition

# No subscription has an id with a space, and no connection this one.
_PLACES, _NO_CONNECTION = "places of ", "-"


@dataclass(frozen=True, slots=True)
class SocketSubscriberKey:
    """The key of a WebSocket subscriber.

    Attributes:
        subscription_id: The subscription.
        connection_id: The connection.
    """

    subscription_id: str
    connection_id: str


@dataclass(frozen=True, slots=True)
class SocketSubscriber:
    """The progress of a connection in an inbox.

    Attributes:
        key: Which connection, and whose inbox.
        sent: The place up to which events were pushed, as the last push recorded it.
        acknowledged: The place up to which the client has acknowledged events.
        durable: Whether the subscription outlasts the connection; else nothing is acknowledged.
        waiting: Whether there may be more, which is pushed once the client has acknowledged.
        api_key: The id of the key that it connected by; None for the admin's.
        pushing: Whether a push has taken it and not given it back. The push may have sent more
            than is recorded, also where it crashed.
    """

    key: SocketSubscriberKey
    sent: int
    acknowledged: int
    durable: bool
    waiting: bool = False
    api_key: str | None = None
    pushing: bool = False

    @property
    def unacknowledged(self) -> int:
        """How many places were pushed and not acknowledged."""
        # If a push crashed, the client may have acknowledged more than is recorded as sent.
        return max(0, self.sent - self.acknowledged)


@dataclass(frozen=True, slots=True)
class SocketSubscriberStore:
    """Keeps WebSocket subscribers, and leases each to one push at a time.

    Attributes:
        table: The table.
    """

    table: Table

    def add(
        self, subscriber: SocketSubscriber, holder: str, seconds: float, expires_at: int
    ) -> bool:
        """Adds a WebSocket subscriber that is leased from the beginning.

        Args:
            subscriber: The WebSocket subscriber.
            holder: Who holds it, as for `hold`.
            seconds: How long.
            expires_at: When its connection has certainly ended, in Unix seconds.

        Returns:
            Whether it was added; False if it is there already.
        """
        with suppress(ConditionFailed):
            self.table.put(
                {
                    **_key(subscriber.key),
                    "sent": number(subscriber.sent),
                    "acknowledged": number(subscriber.acknowledged),
                    "durable": {"BOOL": subscriber.durable},
                    "waiting": {"BOOL": subscriber.waiting},
                    "holder": text(holder),
                    "held_until": number(_milliseconds(seconds)),
                    "expires_at": number(expires_at),
                    **({"api_key": text(subscriber.api_key)} if subscriber.api_key else {}),
                },
                # If the answer to a put was lost, the repeated put finds its own item.
                ConditionExpression="attribute_not_exists(sent) OR holder = :holder",
                ExpressionAttributeValues={":holder": text(holder)},
            )
            return True
        return False

    def take_place(self, key: SocketSubscriberKey, most: int, expires_at: int) -> bool:
        """Gives a new WebSocket subscriber one of the places of its connection.

        The subscriptions that have the places are listed in an item of the connection, because the
        index may lag. Those that it no longer follows leave the list when it is full.

        Args:
            key: The WebSocket subscriber, which was added before.
            most: The number of places.
            expires_at: When its connection has certainly ended, in Unix seconds.

        Returns:
            Whether it has a place; False if others have all of them.

        Raises:
            TimeoutError: Other functions changed the list in every attempt.
        """
        listed = _key(SocketSubscriberKey(f"{_PLACES}{key.connection_id}", _NO_CONNECTION))
        for _ in attempts():
            item = self.table.get(listed, ConsistentRead=True) or {}
            # One that has its place already writes as well: another function may have read the list
            # before this subscriber was added, and be about to give its place away.
            followed = orjson.loads(item["followed"]["S"]) if item else []
            others = [each for each in followed if each != key.subscription_id]
            if len(others) >= most:
                others = [each for each in others if self.get(replace(key, subscription_id=each))]
            if len(others) >= most:
                return False
            changes = int(item["changes"]["N"]) if item else 0
            condition: Condition = {"ConditionExpression": "attribute_not_exists(changes)"}
            if item:
                condition = {
                    "ConditionExpression": "changes = :read",
                    "ExpressionAttributeValues": {":read": number(changes)},
                }
            taken = {
                **listed,
                "followed": document([*others, key.subscription_id]),
                "changes": number(changes + 1),
                "expires_at": number(expires_at),
            }
            if self.table.put_unless_refused(taken, **condition):
                return True
        raise TimeoutError(f"too many changes of what {key.connection_id} follows")

    def of_subscription(self, subscription_id: str) -> list[SocketSubscriberKey]:
        """Returns the WebSocket subscribers of a subscription."""
        return self._keys("subscription_id", subscription_id, ConsistentRead=True)

    def of_connection(self, connection_id: str) -> list[SocketSubscriberKey]:
        """Returns the WebSocket subscribers of a connection. The newest may be missing."""
        return self._keys("connection_id", connection_id, IndexName="by_connection")

    def get(self, key: SocketSubscriberKey) -> SocketSubscriber | None:
        """Returns a WebSocket subscriber, or None."""
        item = self.table.get(_key(key), ConsistentRead=True)
        return _socket_subscriber(item) if item and unexpired(item) else None

    def hold(
        self, key: SocketSubscriberKey, holder: str, seconds: float
    ) -> SocketSubscriber | None:
        """Takes the lease of a WebSocket subscriber for some seconds.

        Args:
            key: The WebSocket subscriber.
            holder: The identifier of the push that takes the lease.
            seconds: How long the lease lasts.

        Returns:
            The WebSocket subscriber; None if another one holds it, or there is none.
        """
        with suppress(ConditionFailed):
            item = self.table.update(
                _key(key),
                UpdateExpression="SET holder = :holder, held_until = :until",
                ConditionExpression="attribute_exists(sent) AND (attribute_not_exists(held_until) "
                "OR held_until <= :now OR holder = :holder)",
                ExpressionAttributeValues={
                    ":holder": text(holder),
                    ":until": number(_milliseconds(seconds)),
                    ":now": number(_milliseconds(0)),
                },
                ReturnValues="ALL_NEW",
            )
            return _socket_subscriber(item)
        return None

    def release(
        self, key: SocketSubscriberKey, holder: str, sent: int, *, waiting: bool
    ) -> SocketSubscriber | None:
        """Ends the lease of a WebSocket subscriber, and stores its progress.

        Args:
            key: The WebSocket subscriber.
            holder: Who holds it.
            sent: The place up to which events are pushed now.
            waiting: Whether there may be more.

        Returns:
            The WebSocket subscriber as it is now; None if it was no longer held. Then nothing
            changes.
        """
        with suppress(ConditionFailed):
            item = self.table.update(
                _key(key),
                UpdateExpression="SET sent = :sent, waiting = :waiting REMOVE held_until, holder",
                ConditionExpression="holder = :holder",
                ExpressionAttributeValues={
                    ":sent": number(sent),
                    ":waiting": {"BOOL": waiting},
                    ":holder": text(holder),
                },
                ReturnValues="ALL_NEW",
            )
            return _socket_subscriber(item)
        return None

    def acknowledge(
        self, key: SocketSubscriberKey, place: int, *, recorded: bool = True
    ) -> SocketSubscriber | None:
        """Records that a client has acknowledged all events up to a place.

        Args:
            key: The WebSocket subscriber.
            place: The place.
            recorded: Whether only what is recorded as sent may be acknowledged.

        Returns:
            The WebSocket subscriber as it is now; None if the client has acknowledged more
            already, or if the place was not sent yet.
        """
        with suppress(ConditionFailed):
            item = self.table.update(
                _key(key),
                UpdateExpression="SET acknowledged = :place",
                ConditionExpression="acknowledged < :place AND sent >= :place"
                if recorded
                else "acknowledged < :place",
                ExpressionAttributeValues={":place": number(place)},
                ReturnValues="ALL_NEW",
            )
            return _socket_subscriber(item)
        return None

    def remove(self, key: SocketSubscriberKey) -> None:
        """Removes a WebSocket subscriber, if it exists."""
        self.table.delete(_key(key))

    def _keys(self, name: str, value: str, **options: Any) -> list[SocketSubscriberKey]:
        items = self.table.query_all(
            KeyConditionExpression=f"{name} = :value",
            ExpressionAttributeValues={":value": text(value)},
            **options,
        )
        return [
            SocketSubscriberKey(item["subscription_id"]["S"], item["connection_id"]["S"])
            for item in items
            if unexpired(item)
        ]


def _milliseconds(later: float) -> int:
    return int(1000 * (times.unix() + later))


def _key(key: SocketSubscriberKey) -> Item:
    return {
        "subscription_id": text(key.subscription_id),
        "connection_id": text(key.connection_id),
    }


def _socket_subscriber(item: Mapping[str, Any]) -> SocketSubscriber:
    return SocketSubscriber(
        key=SocketSubscriberKey(item["subscription_id"]["S"], item["connection_id"]["S"]),
        sent=int(item["sent"]["N"]),
        acknowledged=int(item["acknowledged"]["N"]),
        durable=item["durable"]["BOOL"],
        waiting=item["waiting"]["BOOL"],
        api_key=item["api_key"]["S"] if "api_key" in item else None,
        pushing="holder" in item,
    )
