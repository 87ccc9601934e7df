"""Starting, showing and cancelling replays."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.access.ownership import own, own_subscription
from event_bus.conflicts import attempts
from event_bus.errors import Conflict, InvalidRequest
from event_bus.model.event import MAX_AHEAD_SECONDS, Event
from event_bus.model.replay import Replay, new_replay
from event_bus.model.subscription import Subscription
from event_bus.queues.replays import ReplayQueue
from event_bus.requests.replay import EventReplayRequest, ReplayRequest
from event_bus.stores.replays import ReplayStore

_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Replays:
    """Starts, shows and cancels replays: a service its own, an admin all.

    Attributes:
        store: The replays.
        queue: Sends the message for the next step.
        subscription: Finds a subscription by its id.
        event: Finds an event that a caller may see, by its id; raises NotFound where it may not.
    """

    store: ReplayStore
    queue: ReplayQueue
    subscription: Callable[[str], Subscription | None]
    event: Callable[[str, Caller], Event]

    def of_event(
        self,
        event_id: str,
        request: EventReplayRequest,
        caller: Caller,
        replay_id: str | None = None,
    ) -> Replay:
        """Starts the replay of one event, to all subscriptions that match it now, or to one.

        An admin and the event's publisher replay to anyone, a subscriber to itself.

        Args:
            event_id: The event.
            request: The request.
            caller: Who asks.
            replay_id: The identifier of the replay, by default a new one; a replay that has it
                begins anew.

        Raises:
            NotFound: There is no such event or subscription, or none that the caller may see.
            Conflict: The subscription is paused or disabled.
        """
        event = self.event(event_id, caller)
        to_all = caller.admin or event.source == caller.service_id
        return self._begin(
            replace(
                _new(replay_id, caller.service_id, event.timestamp),
                audience=None if to_all else caller.service_id,
                subscription_id=self._target(request.subscription_id, caller, to_all=to_all),
                event_id=event.id,
            )
        )

    def of_period(
        self, request: ReplayRequest, caller: Caller, replay_id: str | None = None
    ) -> Replay:
        """Starts the replay of a period in the past.

        An admin replays to all that match, a service to itself.

        Args:
            request: The request.
            caller: Who asks.
            replay_id: The identifier of the replay, by default a new one; a replay that has it
                begins anew.

        Raises:
            InvalidRequest: The period begins in the future.
            NotFound: There is no such subscription, or none that the caller may see.
            Conflict: The subscription is paused or disabled.
        """
        refuse_future("/from", request.since)
        return self._begin(
            replace(
                _up_to(
                    _new(replay_id, caller.service_id, request.since), times.now(), request.until
                ),
                audience=None if caller.admin else caller.service_id,
                subscription_id=self._target(request.subscription_id, caller, to_all=caller.admin),
                event_types=request.event_types,
                source=request.source,
                rate=request.rate,
            )
        )

    def get(self, replay_id: str, caller: Caller) -> Replay:
        """Returns a replay.

        Raises:
            NotFound: There is none of this id, or none that the caller may see.
        """
        return own(self.store.get(replay_id), f"replay {replay_id}", caller)

    def page(self, before: str | None, limit: int, caller: Caller) -> list[Replay]:
        """Returns replays, newest first."""
        return self.store.page(None if caller.admin else caller.service_id, before, limit)

    def cancel(self, replay_id: str, caller: Caller) -> Replay:
        """Cancels a replay. Messages that were sent are still delivered.

        Raises:
            NotFound: There is none of this id, or none that the caller may see.
            Conflict: It has ended, delivers a backlog, or made progress in every attempt.
        """
        for _ in attempts(_ATTEMPTS):
            replay = self.get(replay_id, caller)
            if replay.state != "running":
                raise Conflict(f"The replay {replay_id} is {replay.state} already.")
            if replay.pause:
                raise Conflict(
                    f"The replay {replay_id} delivers events that a pause held. To continue "
                    f"without them, pause {replay.subscription_id} again and resume it from now."
                )
            cancelled = replace(replay, state="cancelled", updated_at=times.now())
            if self.store.move(replay, cancelled):
                return cancelled
        raise Conflict("The replay has continued meanwhile; send the request again.")

    def _begin(self, replay: Replay) -> Replay:
        self.store.add(replay)
        self.queue.try_to_send(replay.id, replay.service_id)
        return replay

    def _target(self, subscription_id: str | None, caller: Caller, *, to_all: bool) -> str | None:
        if subscription_id is None:
            return None
        subscription = own_subscription(
            self.subscription, subscription_id, caller, of_anyone=to_all
        )
        if subscription.status != "active":
            raise Conflict(
                f"The subscription {subscription_id} is {subscription.status}; a replay needs an "
                "active one."
            )
        return subscription_id


SEAM_SECONDS = 5
"""How long a history replay waits, in seconds: all events that the router did not match for the
new subscription are listed by then."""


def history_for(subscription: Subscription, since: str) -> Replay:
    """Returns the replay of past events, since a time (RFC 3339), to a new subscription.

    Its period ends shortly after the subscription begins, so an event of that time may come twice.
    """
    replay = new_replay(subscription.service_id, since, times.now())
    replay = _up_to(replay, times.after(2 * SEAM_SECONDS))
    return replace(replay, subscription_id=subscription.id)


def refuse_future(pointer: str, since: str) -> None:
    """Refuses a replay that begins in the future.

    Args:
        pointer: The JSON pointer of the time in the request.
        since: The time, RFC 3339.

    Raises:
        InvalidRequest: The time is in the future.
    """
    now = times.now()
    if since > now:
        raise InvalidRequest.at(pointer, f"must not be in the future; it is {now} now")


def _up_to(replay: Replay, stored_until: str, until: str | None = None) -> Replay:
    """Returns the replay, limited to events that the bus stores up to a moment.

    Their timestamps may be later than that moment, because a publisher's clock may be ahead.

    Args:
        replay: The replay.
        stored_until: The moment, RFC 3339.
        until: The last timestamp, if the caller sets one.
    """
    latest = times.at(times.seconds(stored_until) + MAX_AHEAD_SECONDS)
    if until is not None and until <= stored_until:
        return replace(replay, until=until)
    return replace(replay, until=min(until or latest, latest), stored_until=stored_until)


def _new(replay_id: str | None, service_id: str, since: str) -> Replay:
    replay = new_replay(service_id, since, times.now())
    return replace(replay, id=replay_id) if replay_id else replay
