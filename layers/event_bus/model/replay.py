"""Replays: events of the past, delivered again."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from event_bus import times
from event_bus.model.registration import TypePatterns
from event_bus.model.validation import Identifier, Request, ServiceId, Time

DEFAULT_RATE, MAX_RATE = 50, 500

ReplayState = Literal["running", "completed", "cancelled"]


class EventReplayRequest(Request):
    """What asks for the replay of one event."""

    subscription_id: Identifier | None = None


class ReplayRequest(Request):
    """What asks for the replay of a period."""

    since: Annotated[Time, Field(alias="from")]
    until: Annotated[Time | None, Field(alias="to")] = None
    subscription_id: Identifier | None = None
    event_types: TypePatterns | None = None
    source: ServiceId | None = None
    rate: Annotated[int, Field(ge=1, le=MAX_RATE)] = DEFAULT_RATE

    @model_validator(mode="after")
    def _forwards(self) -> "ReplayRequest":
        if self.until is not None and self.until <= self.since:
            raise PydanticCustomError("period", "must have a `to` that is later than `from`")
        return self


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay, and how far it has come.

    Attributes:
        id: Its identifier.
        service_id: The service that asked for it.
        audience: The service whose subscriptions it is for; None for those of all.
        subscription_id: The one subscription that it is for, if it is for one.
        event_id: The one event that is replayed, if it is one.
        event_types: The type patterns of the events; None for all.
        source: The publisher of the events; None for all.
        since: The first timestamp, included.
        until: The last timestamp, excluded.
        stored_until: When the bus stored the last event, included; None where `until` is the only
            bound. A publisher's clock may run ahead, so that an event of the past has a timestamp
            of the future.
        rate: Deliveries a second at most.
        state: Where it stands.
        position: The position of the last event that was looked at; empty before the first.
        examined: How many events were looked at.
        sent: How many deliveries were sent to their lanes.
        unroutable: How many events were passed over, in part or whole, since they cannot be routed.
        pause: The number of the pause whose backlog it brings; 0 for a replay that was asked for.
        created_at: When it was asked for, RFC 3339.
        updated_at: When it last went on, RFC 3339.
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

    @property
    def end(self) -> str:
        """The time up to which it goes, as its caller sees it."""
        return min(self.until, self.stored_until or self.until)

    @property
    def progress(self) -> float:
        """How much of its time it has gone through, from 0 to 1."""
        if self.state == "completed":
            return 1.0
        begin, end = times.seconds(self.since), times.seconds(self.end)
        reached = times.seconds(self.position.partition("#")[0]) if self.position else begin
        return round(min(max((reached - begin) / max(end - begin, 0.001), 0.0), 1.0), 3)
