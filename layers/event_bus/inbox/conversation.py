"""Carries out the messages that clients send over a WebSocket."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from event_bus import json_numbers, strict_json, times
from event_bus.access.callers import ADMIN, Caller
from event_bus.access.ownership import own_subscription
from event_bus.access.rate_limits import SOCKET, WINDOW_SECONDS, RateLimiter
from event_bus.errors import Conflict, InvalidRequest, NotFound, Problem, TooManyRequests
from event_bus.failures import problem_of
from event_bus.ids import new_id
from event_bus.inbox.connections import MAX_MESSAGE_BYTES, ConnectionGone, Connections
from event_bus.inbox.following import FollowingLimits
from event_bus.inbox.listeners import Listeners
from event_bus.inbox.messages import Acknowledge, ClientMessage, Ping, Subscribe, Unsubscribe
from event_bus.inbox.pusher import (
    PATIENCE_SECONDS,
    PUSH_SECONDS,
    WINDOW,
    Pusher,
    PushUnderWay,
    PushUnfinished,
)
from event_bus.inbox.reader import beyond_the_end
from event_bus.log import logger
from event_bus.model.subscription import Subscription
from event_bus.requests.validation import read
from event_bus.stores.inbox_cursors import InboxCursorStore
from event_bus.stores.inboxes import InboxStore
from event_bus.stores.socket_subscribers import (
    SocketSubscriber,
    SocketSubscriberKey,
    SocketSubscriberStore,
)
from event_bus.targets.inbox import InboxTarget
from event_bus.time_limit import OutOfTime, limited

CONNECTION_SECONDS = 7_800
"""After this time a connection has certainly ended: API Gateway ends it after two hours."""

ANSWERING_SECONDS = 30
"""How long a new WebSocket subscriber is held for the answer to its client, in seconds. This is
longer than the function may run, so that no other function sends events before the answer."""

# The longest valid `ref`, with each of its characters as an escape.
_MAX_REF_BYTES = 6 * 128 + 2


@dataclass(frozen=True, slots=True)
class MessageResult:
    """The result of a message, for the audit log.

    Attributes:
        action: The action that the client asked for, if readable.
        listens: Whether it asked to listen without a subscription.
        listener_id: The subscription that was created for it, if any.
        problem: The reason, if the message was refused.
    """

    action: str = ""
    listens: bool = False
    listener_id: str | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Answers clients.

    Attributes:
        find: Finds a subscription by its id.
        listeners: The subscriptions that end with their connection.
        socket_subscribers: The WebSocket subscribers.
        inboxes: The inboxes.
        cursors: The acknowledged place of each inbox.
        pusher: Pushes events.
        connections: Sends answers.
        limiter: Counts messages.
    """

    find: Callable[[str], Subscription | None]
    listeners: Listeners
    socket_subscribers: SocketSubscriberStore
    inboxes: InboxStore
    cursors: InboxCursorStore
    pusher: Pusher
    connections: Connections
    limiter: RateLimiter

    def take(
        self, connection_id: str, caller: Caller, text: str, seconds: float | None = None
    ) -> MessageResult:
        """Does what a client asks for, and reports faults to the client.

        Args:
            connection_id: The client's connection.
            caller: The client.
            text: The message.
            seconds: How long this may take, the report of a fault aside; None for no limit.

        Returns:
            The result, for the audit log.
        """
        asked, result = _parsed(text), MessageResult()
        try:
            with limited(seconds):
                # The rate of a key includes messages that are not JSON.
                self._count(connection_id, caller)
                result = _asked(asked)
                self.pusher.require_good_key(connection_id, caller.key_id)
                listener_id = self._do(connection_id, caller, read(ClientMessage, asked).root)
                return replace(result, listener_id=listener_id)
        except ConnectionGone:
            self.end(connection_id)
            return result
        except (Exception, OutOfTime) as error:
            problem = problem_of(error)
            self._refuse(connection_id, _ref_in(asked), problem)
            return replace(result, problem=problem)

    def _count(self, connection_id: str, caller: Caller) -> None:
        """Counts a message for its key.

        Raises:
            TooManyRequests: The key has sent too many messages over all its connections.
            ConnectionGone: This connection alone has then sent as many messages again, so it was
                ended.
        """
        rate = caller.rate_limit
        # A connection that began before the bus passed the rate on has none.
        if rate is None:
            return
        allowance = self.limiter.spend(f"{SOCKET}{caller.key_id or ADMIN}", rate)
        if not allowance.exceeded:
            return
        if self.limiter.spend(f"{SOCKET}{connection_id}", rate).exceeded:
            logger.warning("WebSocket client floods", connection_id=connection_id)
            self.connections.close(connection_id)
            raise ConnectionGone(connection_id)
        raise TooManyRequests(
            f"The key may send {allowance.quota} messages in {WINDOW_SECONDS} seconds, by its "
            "rate_limit or the deployment's setting key_rate; send this one again in "
            f"{allowance.reset} seconds.",
            allowance.reset,
        )

    def end(self, connection_id: str) -> None:
        """Removes a connection that has ended."""
        for key in self.socket_subscribers.of_connection(connection_id):
            self.pusher.lose(key)

    def _do(
        self,
        connection_id: str,
        caller: Caller,
        message: Subscribe | Acknowledge | Unsubscribe | Ping,
    ) -> str | None:
        match message:
            case Subscribe():
                return self._subscribe(connection_id, caller, message)
            case Acknowledge():
                self._acknowledge(
                    SocketSubscriberKey(message.subscription_id, connection_id), message
                )
            case Unsubscribe():
                self._unsubscribe(
                    SocketSubscriberKey(message.subscription_id, connection_id), message
                )
            case Ping():
                self._answer(connection_id, message.ref, type="pong")
                self._push_missed(connection_id)
        return None

    def _push_missed(self, connection_id: str) -> None:
        """Pushes events whose push has crashed, or that Lambda has given up pushing.

        Otherwise they would wait for the next event of their inbox.
        """
        until = self.pusher.clock() + PUSH_SECONDS
        for key in self.socket_subscribers.of_connection(connection_id):
            if self.pusher.clock() > until:
                # The next ping continues.
                return
            subscriber = self.socket_subscribers.get(key)
            if subscriber is None or (subscriber.waiting and subscriber.unacknowledged >= WINDOW):
                continue
            end = self.inboxes.last(key.subscription_id)
            if subscriber.sent < end:
                try:
                    self._push(key, end)
                except PushUnderWay:
                    continue
                except Exception:
                    # The next ping tries again.
                    logger.exception("not pushed", subscription_id=key.subscription_id)
                    return

    def _subscribe(self, connection_id: str, caller: Caller, message: Subscribe) -> str | None:
        """Makes a connection follow; returns the id of a subscription created for it, if any."""
        limits = FollowingLimits(self.socket_subscribers)
        limits.check_room(connection_id)
        if message.subscription_id:
            subscription = self._durable(message.subscription_id, caller)
            end = self.inboxes.last(subscription.id)
            place = self._place(subscription, message, end)
        else:
            subscription = self.listeners.begin(
                message.event_types or [],
                message.filters or {},
                caller,
                "websocket",
                CONNECTION_SECONDS,
            )
            end = place = 0
        key, holder = SocketSubscriberKey(subscription.id, connection_id), new_id("psh")
        durable = message.subscription_id is not None
        subscriber = SocketSubscriber(
            key, sent=place, acknowledged=place, durable=durable, api_key=caller.key_id
        )
        ends = int(times.unix()) + CONNECTION_SECONDS
        if not self.socket_subscribers.add(subscriber, holder, ANSWERING_SECONDS, ends):
            raise Conflict("This connection follows the subscription already; unsubscribe first.")
        try:
            limits.check_added(key, ends, durable=durable)
            # `add` has taken the subscriber for this function, so the client learns of the
            # subscription before its events.
            self._answer(
                connection_id,
                message.ref,
                type="subscribed",
                subscription_id=subscription.id,
                event_types=subscription.event_types,
                cursor=str(place),
            )
            # The inbox may have grown before there was a WebSocket subscriber to push to.
            end = max(end, self.inboxes.last(subscription.id))
            self._push(key, end, holder, PATIENCE_SECONDS)
        except (Exception, OutOfTime):
            # The client is told to subscribe again, so its old subscription must be gone by then.
            self.pusher.lose(key)
            raise
        return None if durable else subscription.id

    def _durable(self, subscription_id: str, caller: Caller) -> Subscription:
        subscription = own_subscription(self.find, subscription_id, caller)
        if not (isinstance(subscription.target, InboxTarget) and subscription.target.pushed):
            raise Conflict(
                f"The target of the subscription {subscription_id} is not a WebSocket; register "
                "one with this target, or name event_types instead of a subscription_id."
            )
        if subscription.ends_at is not None:
            raise Conflict(
                f"The subscription {subscription_id} ends with the connection that began it; name "
                "event_types instead of a subscription_id."
            )
        return subscription

    def _place(self, subscription: Subscription, message: Subscribe, end: int) -> int:
        if message.cursor is None:
            return self.cursors.get(subscription.id).acknowledged
        if int(message.cursor) > end:
            raise InvalidRequest.at("/cursor", beyond_the_end(end))
        return int(message.cursor)

    def _acknowledge(self, key: SocketSubscriberKey, message: Acknowledge) -> None:
        place = int(message.cursor)
        subscriber = self.socket_subscribers.acknowledge(key, place)
        if subscriber is None:
            subscriber = self._followed(key)
            if place > subscriber.sent and not self._may_be_sent(subscriber, place):
                raise InvalidRequest.at(
                    "/cursor", f"was not sent yet; the last one sent is {subscriber.sent}"
                )
            if place > subscriber.acknowledged:
                # The first write stored nothing, even if a push has recorded the place since.
                subscriber = (
                    self.socket_subscribers.acknowledge(key, place, recorded=False) or subscriber
                )
        if not subscriber.durable:
            raise Conflict(
                "Events of a subscription that ends with its connection cannot be acknowledged."
            )
        # To the place that the client names, and not to `subscriber.acknowledged`: a client may
        # begin at a place up to which nobody has acknowledged the events.
        self.cursors.advance(key.subscription_id, place)
        if subscriber.waiting:
            # The acknowledgement stands. A push that is under way sees it when it ends, so there is
            # nothing to wait for. After a crash, a ping pushes what the window has room for.
            with suppress(PushUnderWay):
                self._push(key, self.inboxes.last(key.subscription_id))

    def _push(
        self, key: SocketSubscriberKey, end: int, holder: str | None = None, patience: float = 0
    ) -> None:
        """Pushes like `Pusher.push`; what the time does not allow is left to the table stream."""
        try:
            self.pusher.push(key, end, holder, patience=patience)
        except PushUnfinished:
            self.inboxes.pass_again(key.subscription_id, end)

    def _may_be_sent(self, subscriber: SocketSubscriber, place: int) -> bool:
        """Returns whether a push may have sent a place that it has not recorded.

        A push records a page after it has sent it, so that a crashed function omits nothing. A fast
        client acknowledges before that. Nothing after this page has been sent.
        """
        if not subscriber.pushing:
            return False
        page = self.inboxes.after(subscriber.key.subscription_id, subscriber.sent, WINDOW)
        return bool(page) and place <= page[-1].position

    def _unsubscribe(self, key: SocketSubscriberKey, message: Unsubscribe) -> None:
        self._followed(key)
        self.pusher.leave(key)
        self._answer(
            key.connection_id,
            message.ref,
            type="unsubscribed",
            subscription_id=key.subscription_id,
        )

    def _followed(self, key: SocketSubscriberKey) -> SocketSubscriber:
        subscriber = self.socket_subscribers.get(key)
        if subscriber is None:
            raise NotFound(f"This connection does not follow {key.subscription_id}.")
        return subscriber

    def _refuse(self, connection_id: str, ref: Any, problem: Problem) -> None:
        """Sends a problem to a client, if it is still connected."""
        error = problem.document()
        if _size(error) > MAX_MESSAGE_BYTES - _MAX_REF_BYTES:
            # The faults quote long names of members. `detail` has the first one.
            del error["errors"]
        try:
            self._answer(connection_id, ref, type="error", error=error)
        except ConnectionGone:
            self.end(connection_id)

    def _answer(self, connection_id: str, ref: Any, **message: Any) -> None:
        self.connections.send(connection_id, message if ref is None else {**message, "ref": ref})
        logger.info("answered", type=message["type"])


def _parsed(text: str) -> Any:
    """Returns the document in a message, or the problem with it."""
    try:
        return strict_json.parse(text)
    except Problem as problem:
        return problem


def _ref_in(document: Any) -> Any:
    """Returns the `ref` of a message that may be invalid; None if it is too long to be repeated."""
    ref = document.get("ref") if isinstance(document, dict) else None
    return ref if _size(ref) <= _MAX_REF_BYTES else None


def _size(value: Any) -> int:
    return len(json_numbers.dumps(value))


def _asked(message: Any) -> MessageResult:
    """Returns what a message asks for, as far as it is readable.

    Args:
        message: The document in the message, or the problem with it, which is raised.
    """
    if isinstance(message, Problem):
        raise message
    if not isinstance(message, dict):
        return MessageResult()
    action = message.get("action")
    listens = action == "subscribe" and message.get("subscription_id") is None
    return MessageResult(action if isinstance(action, str) else "", listens)
