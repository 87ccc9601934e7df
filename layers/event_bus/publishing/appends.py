"""Appends several events to a stream at once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from event_bus.access.callers import Caller
from event_bus.errors import Conflict, Fault
from event_bus.model.event import Event
from event_bus.publishing.client_request import NO_REQUEST, ClientRequest
from event_bus.publishing.intake import (
    Accepted,
    Intake,
    ValidatedEvent,
    stream_deleted,
    version_conflict,
)
from event_bus.requests.stream_append import MAX_WRITES, StreamAppend
from event_bus.requests.validation import invalid, read
from event_bus.stores.events import Put
from event_bus.stores.refusals import StreamDeleted, WrongVersion


@dataclass(frozen=True, slots=True)
class Appends:
    """Appends several events to a stream: all of them or none.

    Attributes:
        intake: Checks each event, as if it were published alone.
    """

    intake: Intake

    def append(
        self, submission: Any, caller: Caller, request: ClientRequest = NO_REQUEST
    ) -> list[Accepted]:
        """Appends events.

        Args:
            submission: The request as it was sent, parsed from JSON.
            caller: Who publishes.
            request: The request.

        Returns:
            The stored events: all stored by this request, or all by an earlier one.

        Raises:
            Problem: It is refused; nothing is stored.
        """
        parsed = read(StreamAppend, submission)
        validated = [
            self.intake.validate(each, caller, f"/events/{place}", request)
            for place, each in enumerate(parsed.submissions())
        ]
        _check([each.event for each in validated])
        ready: dict[str, Event] = {}
        for each in validated:
            # An event may name an earlier one of the same append as its cause.
            event = self.intake.prepared(each, ready)
            ready[event.id] = event
        try:
            results = self.intake.store.append(
                list(ready.values()), self.intake.retention_days, parsed.expected_version
            )
        except WrongVersion as refused:
            raise version_conflict("/expected_version", refused.version) from None
        except StreamDeleted:
            raise stream_deleted("/stream_id", parsed.stream_id) from None
        return self._accepted(validated, results)

    def _accepted(
        self, validated: Sequence[ValidatedEvent], results: Sequence[tuple[Put, Event]]
    ) -> list[Accepted]:
        puts = [
            Put.REPEATED if put is Put.CONFLICT and self.intake.repeats(each, stored) else put
            for each, (put, stored) in zip(validated, results, strict=True)
        ]
        stored = [event for _, event in results]
        repeated = {*puts} == {Put.REPEATED}
        if not (repeated and _follow_each_other(stored)) and {*puts} != {Put.STORED}:
            raise _refused(puts, stored)
        return [
            Accepted(event, repeated, each.warnings)
            for each, event in zip(validated, stored, strict=True)
        ]


def _follow_each_other(events: Sequence[Event]) -> bool:
    first = events[0]
    return all(
        (event.stream, event.stream_version) == (first.stream, version)
        for version, event in enumerate(events, first.stream_version or 0)
    )


def _check(events: Sequence[Event]) -> None:
    """Refuses events that do not fit into one transaction."""
    ids = Counter(each.id for each in events)
    keys = Counter(each.deduplication_key for each in events if each.deduplication_key)
    faults = []
    for place, each in enumerate(events):
        if ids[each.id] > 1:
            faults.append(
                Fault(f"/events/{place}/id", "is also the id of another event of this request")
            )
        if each.deduplication_key and keys[each.deduplication_key] > 1:
            at = f"/events/{place}/metadata/deduplication_key"
            faults.append(Fault(at, "is also the key of another event of this request"))
    writes = 2 * len(events) + keys.total()
    if writes > MAX_WRITES:
        faults.append(
            Fault(
                "/events",
                f"must take at most {MAX_WRITES} writes, two for each event and one for each "
                f"deduplication key; these take {writes}",
            )
        )
    if faults:
        raise invalid(faults)


def _refused(puts: Sequence[Put], stored: Sequence[Event]) -> Conflict:
    faults = []
    for place, (put, event) in enumerate(zip(puts, stored, strict=True)):
        at = f"/events/{place}/id"
        if put is Put.CONFLICT:
            faults.append(Fault(at, f"another event with the id {event.id} is stored already"))
        elif put is Put.REPEATED:
            faults.append(Fault(at, "is stored already, by another append"))
        elif put is Put.DEDUPLICATED:
            at = f"/events/{place}/metadata/deduplication_key"
            faults.append(Fault(at, f"is also the key of the stored event {event.id}"))
    return Conflict(f"{faults[0].pointer}: {faults[0].detail}. Nothing was stored.", faults)
