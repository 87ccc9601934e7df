"""Accepts events: checks each on its own, and stores it before the request is answered."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from event_bus.access.callers import Caller
from event_bus.encryption.payload_seal import PayloadSeal
from event_bus.errors import (
    Conflict,
    Failure,
    Fault,
    InvalidRequest,
    Problem,
    Unavailable,
    VersionConflict,
    sentence,
)
from event_bus.log import logger, traces
from event_bus.model.event import Event
from event_bus.model.sensitive import WHOLE
from event_bus.publishing.client_request import NO_REQUEST, ClientRequest
from event_bus.publishing.command_rules import check_command, no_handler
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.publishing.schema_checks import SchemaChecks
from event_bus.requests.event import EventSubmission, accept, untimed_digest
from event_bus.requests.validation import read
from event_bus.stores.events import EventStore, Put
from event_bus.stores.handlers import Handler
from event_bus.stores.refusals import StreamDeleted, WrongVersion

MAX_BATCH = 100
"""The most events of a request."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that is stored.

    Attributes:
        event: The event as it is stored.
        repeated: Whether an earlier request with the same content has stored it.
        warnings: The faults of its payload by the schema of its type, if that only warns.
        deduplicated: Whether it is an earlier event with the same deduplication key.
    """

    event: Event
    repeated: bool
    warnings: Sequence[Fault] = ()
    deduplicated: bool = False


@dataclass(frozen=True, slots=True)
class ValidatedEvent:
    """An event that may be stored.

    Attributes:
        event: The event.
        submission: What its publisher sent.
        caller: Who publishes it.
        sensitive: JSON pointers to the sensitive parts of its payload.
        warnings: The faults of its payload by the schema of its type, if that only warns.
    """

    event: Event
    submission: EventSubmission
    caller: Caller
    sensitive: list[str]
    warnings: Sequence[Fault] = ()


@dataclass(frozen=True, slots=True)
class Intake:
    """Checks and stores events.

    Attributes:
        store: The event store.
        rights: Who may publish what.
        schemas: Checks payloads by the schemas of their types.
        seal: Seals what is sensitive.
        retention_days: How long events are kept.
        executor: Stores the events of a batch in parallel.
        sees: Whether a caller may see the event that it names as a cause.
        handler: Finds the handler of a command type, for requests that require one.
    """

    store: EventStore
    rights: PublisherRights
    schemas: SchemaChecks
    seal: PayloadSeal
    retention_days: int
    executor: Executor
    sees: Callable[[Event, Caller], bool]
    handler: Callable[[str], Handler | None] = lambda _: None

    def take(
        self,
        submission: Any,
        caller: Caller,
        request: ClientRequest = NO_REQUEST,
        *,
        require_handler: bool = False,
    ) -> Accepted:
        """Takes one event.

        Args:
            submission: The event as it was sent, parsed from JSON.
            caller: Who publishes it.
            request: The request.
            require_handler: Whether to refuse a command without a handler.

        Raises:
            Problem: It is refused; nothing is stored.
        """
        validated = self.validate(submission, caller, "", request)
        self._require_handler(validated, "", required=require_handler)
        return self._store(validated, "")

    def take_all(
        self,
        submissions: Sequence[Any],
        caller: Caller,
        request: ClientRequest = NO_REQUEST,
        *,
        require_handler: bool = False,
    ) -> list[Accepted | Problem]:
        """Takes a batch of events; a fault in one does not affect the others.

        Events of one id or one stream are stored in the order of the batch, and an event after its
        cause.

        Args:
            submissions: The events as they were sent, parsed from JSON; a problem where one could
                not be read.
            caller: Who publishes them.
            request: The request.
            require_handler: Whether to refuse commands without a handler.

        Returns:
            The result of each event, in their order.

        Raises:
            InvalidRequest: The batch is empty or over `MAX_BATCH`.
        """
        if not 1 <= len(submissions) <= MAX_BATCH:
            raise InvalidRequest.at("", f"must hold 1 to {MAX_BATCH} events")
        results: list[Accepted | Problem] = []
        batch: list[tuple[int, ValidatedEvent]] = []
        for place, submission in enumerate(submissions):
            try:
                validated = self.validate(submission, caller, f"/{place}", request)
                self._require_handler(validated, f"/{place}", required=require_handler)
            except Problem as problem:
                results.append(problem)
            except (ClientError, BotoCoreError):
                # The rights of the publisher cannot be read now, so no event can be checked.
                raise
            except Exception:
                logger.exception("event not checked", place=place)
                results.append(Failure("The bus failed to check the event."))
            else:
                said = f"The event was not stored; send it again with the id {validated.event.id}."
                results.append(Unavailable(said))
                batch.append((place, validated))

        def store(line: list[tuple[int, ValidatedEvent]]) -> None:
            for place, validated in line:
                results[place] = self._try_to_store(validated, f"/{place}")
                if isinstance(results[place], Unavailable):
                    # Later events of the line must not be stored before it: 503 for them as well.
                    return

        list(self.executor.map(store, _lines(batch)))
        return results

    def _try_to_store(self, validated: ValidatedEvent, at: str) -> Accepted | Problem:
        event = validated.event
        try:
            return self._store(validated, at)
        except Problem as problem:
            return problem
        except (ClientError, BotoCoreError, TimeoutError):
            logger.exception("event not stored", **traces(event))
            return Unavailable(
                f"The event may or may not be stored; send it again with the id {event.id}."
            )
        except Exception:
            # If the bus fails for one event, the others are not affected.
            logger.exception("event not stored", **traces(event))
            return Failure("The bus failed to store the event.")

    def validate(
        self, submission: Any, caller: Caller, at: str, request: ClientRequest
    ) -> ValidatedEvent:
        """Reads an event, and checks whether it may be stored.

        Args:
            submission: The event as it was sent, parsed from JSON or read from that already; a
                problem if it could not be read.
            caller: Who publishes it.
            at: The JSON pointer of the event in the request's body.
            request: The request.

        Raises:
            Problem: The event must not be stored.
        """
        if isinstance(submission, Problem):
            raise submission
        if isinstance(submission, EventSubmission):
            parsed = submission
        else:
            parsed = read(EventSubmission, submission, at)
        source = self.rights.source_of(caller, parsed.source, at)
        self.rights.check(caller, parsed.type, at)
        self.rights.check_id(source, parsed.id, at)
        sensitive = [*parsed.sensitive, *self.rights.sensitive_in(source, parsed.type)]
        event = accept(parsed, source, at, request.trace)
        event = replace(event, origin=request.origin(caller))
        check_command(event, caller, self.rights, at)
        self.rights.check_stream(caller, event.stream, f"{at}/{_naming(parsed)}")
        event = replace(event, kept=self.rights.keeps(event.stream))
        if sensitive and event.content_type:
            # The payload is not JSON, so it has no parts: it is sealed as a whole.
            sensitive = [WHOLE]
        event, faults = self.schemas.checked(event, parsed.payload, at, sensitive)
        return ValidatedEvent(event, parsed, caller, sensitive, faults)

    def prepared(
        self, validated: ValidatedEvent, among: Mapping[str, Event] | None = None
    ) -> Event:
        """Returns a checked event in its stored form, with its hop count and sealed parts.

        Args:
            validated: The event.
            among: The events that are stored together with it, by their ids.
        """
        event = self._counted(validated.event, validated.caller, among or {})
        return self.seal.close(event, validated.sensitive) if validated.sensitive else event

    def _store(self, validated: ValidatedEvent, at: str) -> Accepted:
        event = self.prepared(validated)
        expected = validated.submission.expected_version
        try:
            put, stored = self.store.put(event, self.retention_days, expected)
        except WrongVersion as refused:
            raise version_conflict(f"{at}/stream/expected_version", refused.version) from None
        except StreamDeleted:
            naming = f"{at}/{_naming(validated.submission)}"
            raise stream_deleted(naming, event.metadata["stream_id"]) from None
        if put is Put.CONFLICT and self.repeats(validated, stored):
            put = Put.REPEATED
        if put is Put.CONFLICT:
            detail = f"another event with the id {event.id} is stored already"
            raise Conflict(sentence(detail), [Fault(f"{at}/id", detail)])
        logger.info(
            "event stored",
            **traces(stored),
            event_type=stored.type,
            source=stored.source,
            repeated=put is Put.REPEATED,
        )
        deduplicated = put is Put.DEDUPLICATED
        return Accepted(stored, put is Put.REPEATED, validated.warnings, deduplicated)

    def _require_handler(self, validated: ValidatedEvent, at: str, *, required: bool) -> None:
        event = validated.event
        if not required or not event.is_command or self.handler(event.type):
            return
        # A stored event is answered as before, even if its handler is gone by now.
        if event.id not in self.store.existing([event.id]):
            raise no_handler(event, at)

    def repeats(self, validated: ValidatedEvent, stored: Event) -> bool:
        """Returns whether an event is the stored one, although their digests differ."""
        digests = [validated.event.digest]
        if validated.event.timestamp == stored.timestamp:
            # The bus had set the timestamp; the publisher now sends the one from the answer.
            digests.append(untimed_digest(validated.submission, validated.event.source))
        # The stored event may be sealed under another data key.
        return any(self.seal.is_digest(digest, stored) for digest in digests)

    def _counted(self, event: Event, caller: Caller, among: Mapping[str, Event]) -> Event:
        """Returns an event with the hop count and the correlation id of its chain of causes.

        All events of a chain share one correlation id. A cause that the caller may not see adds
        nothing to the metadata, as if it did not exist; its hops are counted only in `hidden_hops`,
        to end loops.
        """
        cause_id = event.metadata.get("causation_id")
        if cause_id is None:
            return event
        cause = among.get(cause_id)
        if cause is None:
            # A cause that cannot be read does not stop its effects.
            found, _ = self.store.readable([cause_id])
            cause = found.get(cause_id)
        hops = cause.hop_count + 1 if cause else 1
        if cause and not self.sees(cause, caller):
            cause = None
        # If the publisher sends a higher hop count itself, that one counts.
        shown = max(event.shown_hops, cause.shown_hops + 1 if cause else 1)
        common = {"correlation_id": cause.metadata.get("correlation_id", cause.id)} if cause else {}
        return replace(
            event,
            metadata={**common, **event.metadata, "hop_count": shown},
            hidden_hops=hops if hops > shown else 0,
        )


def _naming(submission: EventSubmission) -> str:
    return "stream/id" if submission.stream else "metadata/stream_id"


def version_conflict(at: str, version: int) -> VersionConflict:
    """Makes the refusal of events whose stream does not have the expected version."""
    detail = f"the stream has version {version}" if version else "the stream has no events"
    faults = [Fault(at, f"{detail}: read its new events, and decide again")]
    return VersionConflict(f"{at}: {detail}.", faults, actual_version=version)


def stream_deleted(at: str, stream_id: str) -> Conflict:
    """Makes the refusal of events for a deleted stream."""
    detail = f"the stream {stream_id} was deleted and accepts no more events"
    return Conflict(f"{at}: {detail}.", [Fault(at, detail)])


def _lines(batch: Sequence[tuple[int, ValidatedEvent]]) -> list[list[tuple[int, ValidatedEvent]]]:
    """Divides the events of a batch into lines.

    The events of a line are stored one after the other, and different lines in parallel. Events
    share a line if they share an id, a stream or a deduplication key, or if one of them names the
    other as its cause.
    """
    lines: dict[tuple[str, str], list[tuple[int, ValidatedEvent]]] = {}
    for each in batch:
        event = each[1].event
        names = [("id", event.id)]
        if event.stream:
            names.append(("stream", event.stream.key))
        if event.deduplication_key:
            names.append(("deduplication", f"{event.source} {event.deduplication_key}"))
        if (cause := ("id", event.metadata.get("causation_id", ""))) in lines:
            names.append(cause)
        joined = {id(line): line for name in names if (line := lines.get(name))}
        line = sorted([*(each for line in joined.values() for each in line), each], key=_place)
        lines |= dict.fromkeys(names, line)
        for name, other in lines.items():
            if id(other) in joined:
                lines[name] = line
    return list({id(line): line for line in lines.values()}.values())


def _place(each: tuple[int, ValidatedEvent]) -> int:
    return each[0]
