"""Replays: events of the past, delivered again."""

from dataclasses import dataclass
from typing import Literal

from event_bus import times
from event_bus.ids import new_id
from event_bus.matching.event_types import matches_any
from event_bus.model.event import MAX_AHEAD_SECONDS, Event

DEFAULT_RATE, MAX_RATE = 50, 500

ReplayState = Literal["running", "completed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay and its progress.

    Attributes:
        id: Its identifier.
        service_id: The service that requested it.
        audience: The service to whose subscriptions it delivers; None for all.
        subscription_id: The only subscription to which it delivers, if it is limited to one.
        event_id: The only event that it replays, if it is limited to one.
        event_types: The type patterns of the events; None for all.
        source: The publisher of the events; None for all.
        since: The beginning of the period, included.
        until: The end of the period, excluded.
        stored_until: When the bus stored the last event, included; None if `until` is the only
            bound. If a publisher's clock is ahead, a stored event has a timestamp in the future.
        rate: The most deliveries a second.
        state: Its state.
        position: The position of the last event that was read; empty before the first.
        examined: The number of events read.
        sent: The number of deliveries sent to lanes.
        unroutable: The number of events that were skipped, in part or whole, because they cannot be
            routed.
        pause: The number of the pause whose backlog it delivers; 0 for a requested replay.
        catches_up: Whether it begins the streams that a new subscription follows.
        created_at: When it was requested, RFC 3339.
        updated_at: When it last continued, RFC 3339.
    """

    id: str
    service_id: str
    audience: str | None
    subscription_id: str | None
    event_id: str | None
    event_types: list[str] | None
    source: str | None
    since: str
    until: str
    rate: int
    state: ReplayState
    created_at: str
    updated_at: str
    stored_until: str | None = None
    position: str = ""
    examined: int = 0
    sent: int = 0
    unroutable: int = 0
    pause: int = 0
    catches_up: bool = False

    @property
    def end(self) -> str:
        """The end of its period, as its caller sees it."""
        return min(self.until, self.stored_until or self.until)

    def wants(self, event_type: str, source: str) -> bool:
        """Returns whether it replays events of a type from a source."""
        if self.source not in (None, source):
            return False
        return self.event_types is None or matches_any(self.event_types, event_type)

    def covers(self, event: Event) -> bool:
        """Returns whether it replays an event, to subscriptions that match."""
        if self.event_id is not None:
            return event.id == self.event_id
        return (
            self.since <= event.timestamp < self.until
            and (self.stored_until is None or event.created_at <= self.stored_until)
            and self.wants(event.type, event.source)
        )

    @property
    def stored_since(self) -> str:
        """When the bus stored the first event that it may cover, RFC 3339."""
        return times.at(times.seconds(self.since) - MAX_AHEAD_SECONDS)

    def may_cover(self, event_id: str, created_at: str) -> bool:
        """Returns whether it may cover an event, by the event's id and the time when it was stored.

        Args:
            event_id: The event.
            created_at: When it was stored, RFC 3339.
        """
        if self.event_id is not None:
            return event_id == self.event_id
        return self.stored_since <= created_at <= (self.stored_until or created_at)

    @property
    def progress(self) -> float:
        """The part of its period that was read, from 0 to 1."""
        if self.state == "completed":
            return 1.0
        begin, end = times.seconds(self.since), times.seconds(self.end)
        reached = times.seconds(self.position.partition("#")[0]) if self.position else begin
        return round(min(max((reached - begin) / max(end - begin, 0.001), 0.0), 1.0), 3)


def new_replay(service_id: str, since: str, now: str) -> Replay:
    """Returns a new replay to the subscriptions of the service that requests it.

    It has no limits, and its period ends where it begins.

    Args:
        service_id: The service.
        since: The first timestamp, RFC 3339.
        now: When it is requested, RFC 3339.
    """
    return Replay(
        id=new_id("rpl"),
        service_id=service_id,
        audience=service_id,
        subscription_id=None,
        event_id=None,
        event_types=None,
        source=None,
        since=since,
        until=since,
        rate=DEFAULT_RATE,
        state="running",
        created_at=now,
        updated_at=now,
    )
