"""Conditions of the stores at the very moment when something ends."""

from dataclasses import replace

import pytest
from event_bus import times
from event_bus.stores.events import Put

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import NOON, delivery, event


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in Unix seconds, in a list of one."""
    found = [1_800_000_000.0]
    monkeypatch.setattr(times, "unix", lambda: found[0])
    return found


@pytest.mark.parametrize(("passed", "free"), [(59, False), (60, True)])
def test_a_claim_lapses_when_its_lease_ends(
    aws: Aws, now: list[float], passed: int, free: bool
) -> None:
    aws.claims.take(delivery("pending"), "c-1", 60, once=False)
    now[0] += passed
    assert (aws.claims.take(delivery("pending"), "c-2", 60, once=False).epoch == 2) == free


@pytest.mark.parametrize(("passed", "free"), [(59, False), (60, True)])
def test_a_cursor_is_free_when_its_lease_ends(
    aws: Aws, now: list[float], passed: int, free: bool
) -> None:
    assert aws.cursors.hold("sub_1", "task/1", "a", 60)
    now[0] += passed
    assert (aws.cursors.hold("sub_1", "task/1", "b", 60) is not None) == free


@pytest.mark.parametrize(("left", "gone"), [(1, False), (0, True)])
def test_the_id_of_an_event_is_free_when_its_retention_ends(
    aws: Aws, now: list[float], left: int, gone: bool
) -> None:
    aws.events.put(event(), RETENTION_DAYS)
    now[0] += RETENTION_DAYS * 86_400 - left
    other = event(payload={"another": "event"})
    assert (aws.events.put(other, RETENTION_DAYS)[0] == Put.STORED) == gone


def test_a_record_names_when_its_event_was_stored_and_its_stream_while_it_waits(aws: Aws) -> None:
    waiting = delivery("retrying", stored_at=NOON, stream="planner\ntask/1")
    aws.deliveries.record(waiting, 1)
    found = aws.deliveries.get(waiting.key)
    assert found
    assert (found.stored_at, found.stream) == (NOON, "planner\ntask/1")
    aws.deliveries.record(replace(delivery(attempts=2), stream="planner\ntask/1"), 2)
    found = aws.deliveries.get(waiting.key)
    assert found
    assert found.stored_at == NOON
    # A delivery that never waits needs no stream.
    ended = delivery(event_id="evt_2", stream="planner\ntask/1")
    aws.deliveries.record(ended, 1)
    found = aws.deliveries.get(ended.key)
    assert found
    assert not found.stream
