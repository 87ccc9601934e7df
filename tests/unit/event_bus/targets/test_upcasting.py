"""Events are brought to later versions of their type's schema."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from event_bus.errors import Unavailable
from event_bus.expressions import evaluator
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.schemas import SchemaVersion
from event_bus.targets import upcasting
from event_bus.targets.upcasting import Upcaster, UpcastFailed

from tests.builders import binary_event, event
from tests.evaluator import NOT_EVALUATED, no_evaluator
from tests.faults import broken

TYPE = "task.created"
SPLIT = '{"first": $substringBefore(name, " "), "last": $substringAfter(name, " ")}'


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def upcaster(clock: Clock, *upcasts: str | None) -> Upcaster:
    """Knows versions from 1 on; those from 2 on have these expressions."""
    versions = {
        number: SchemaVersion(TYPE, number, True, upcast=upcast)
        for number, upcast in enumerate((None, *upcasts), 1)
    }
    return Upcaster(lambda _, number: versions.get(number), clock)


def of(number: int | None, payload: Any, **metadata: str) -> Event:
    made = event("evt_1", payload=payload)
    return replace(made, type=TYPE, schema_version=number, metadata=metadata)


def payload_of(found: Event) -> Any:
    return orjson.loads(found.payload or b"null")


def test_an_event_goes_through_every_version(clock: Clock) -> None:
    made = upcaster(clock, SPLIT, None, '$merge([$, {"version": 4}])')
    old = of(1, {"name": "Ada Lovelace"}, version="1.3")

    new = made.brought(old, 4)
    assert payload_of(new) == {"first": "Ada", "last": "Lovelace", "version": 4}
    assert (new.schema_version, new.metadata["version"]) == (4, "4")
    assert new.payload_bytes == len(new.payload or b"")
    assert payload_of(made.brought(old, 2)) == {"first": "Ada", "last": "Lovelace"}


@pytest.mark.parametrize(("version", "wanted"), [(1, None), (2, 2), (3, 2), (None, 2)])
def test_an_event_stays_as_it_is(clock: Clock, version: int | None, wanted: int | None) -> None:
    given = of(version, {"name": "Ada"})

    assert upcaster(clock, "{}", "{}").brought(given, wanted) is given


def test_an_event_is_brought_as_far_as_there_are_versions(clock: Clock) -> None:
    made = upcaster(clock, '{"a": 2}')

    assert made.brought(of(1, {}), 9).schema_version == 2
    last = of(2, {})
    assert made.brought(last, 9) is last


@pytest.mark.parametrize(
    ("expression", "said"),
    [("$error('no')", "fails"), ("missing", "fails"), ("5", "does not return an object")],
)
def test_an_expression_that_makes_nothing_fails(clock: Clock, expression: str, said: str) -> None:
    made, given = upcaster(clock, expression), of(1, {"name": "Ada"})

    with pytest.raises(UpcastFailed, match=said):
        made.brought(given, 2)
    # A reader gets the values that exist.
    assert made.shown(given, 2) is given


def test_a_new_version_is_found_within_ten_seconds(clock: Clock) -> None:
    known: dict[int, SchemaVersion] = {}
    made = Upcaster(lambda _, number: known.get(number), clock)
    given = of(1, {})
    assert made.brought(given, 2) is given

    known[2] = SchemaVersion(TYPE, 2, True, upcast='{"a": 2}')
    assert made.brought(given, 2) is given
    clock.now = 11
    assert payload_of(made.brought(given, 2)) == {"a": 2}


def test_numbers_stay_exact(clock: Clock) -> None:
    made = upcaster(clock, None)

    given = replace(of(1, {}), payload=b'{"n":12345678901234567890123}')
    assert made.brought(given, 2).payload == b'{"n":12345678901234567890123}'


def test_a_payload_that_is_not_json_stays_as_it_is(clock: Clock) -> None:
    given = replace(binary_event(), schema_version=1)
    assert upcaster(clock, '{"a": 2}').brought(given, 2) is given


def test_an_attempt_fails_for_good_only_if_an_expression_fails(clock: Clock) -> None:
    made, old = upcaster(clock, SPLIT, "$error('no')"), of(1, {"name": "Ada Lovelace"})
    assert made.attempted(old, 2) == made.brought(old, 2)
    failed = made.attempted(old, 3)
    assert isinstance(failed, Outcome)
    assert (failed.code, failed.unsendable) == ("upcast_failed", True)

    def unread(_: str, __: int) -> SchemaVersion | None:
        raise broken()

    said = "the schema version could not be read"
    unread_schema = Outcome("schema_not_read", said, unsent=True)
    assert Upcaster(unread, clock).attempted(old, 2) == unread_schema
    with no_evaluator():
        assert made.attempted(old, 2) == NOT_EVALUATED
        # What needs no expression is delivered.
        assert made.attempted(old, 1) is old


def test_a_reader_gets_no_older_version_because_the_bus_cannot_evaluate(clock: Clock) -> None:
    """It may not be able to read that version, and the next request brings the right one."""
    made, old = upcaster(clock, SPLIT), of(1, {"name": "Ada Lovelace"})
    with no_evaluator(), pytest.raises(Unavailable):
        made.shown(old, 2)
    assert made.shown(old, 2).schema_version == 2


def test_the_time_of_expressions_is_that_of_expressions_alone(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, start = evaluator._Process(), evaluator._Process._start

    def started_slowly(process: evaluator._Process) -> Any:
        clock.now += 10
        return start(process)

    def read_slowly(_: str, number: int) -> SchemaVersion:
        clock.now += 10
        return SchemaVersion(TYPE, number, True, upcast=f'{{"a": {number}}}')

    monkeypatch.setattr(evaluator, "_PROCESS", process)
    monkeypatch.setattr(evaluator._Process, "_start", started_slowly)
    try:
        assert payload_of(Upcaster(read_slowly, clock).brought(of(1, {}), 3)) == {"a": 3}
    finally:
        process._end()


def test_expressions_that_take_too_long_together_fail(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: Any, **__: Any) -> bytes:
        clock.now += 0.9
        return b"{}"

    monkeypatch.setattr(upcasting, "evaluate", slow)
    made = upcaster(clock, "{}", "{}", "{}")
    assert made.brought(of(1, {}), 3).schema_version == 3
    with pytest.raises(UpcastFailed, match="more than 2"):
        made.brought(of(1, {}), 4)
