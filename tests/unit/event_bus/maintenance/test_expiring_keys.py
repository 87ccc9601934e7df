"""A key that ends soon is told of once, some days before."""

from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus import times
from event_bus.maintenance.expiring_keys import DAYS_BEFORE, INTERVAL_SECONDS, ExpiringKeys
from event_bus.model.api_keys import ApiKey
from event_bus.model.event import Event

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import NOON
from tests.faults import not_sent

BEGAN = 1_800_000_000
DAY = 86_400
KEY = ApiKey("ebk_1", "planner", NOON, "hash", name="Laptop")


@pytest.fixture
def go(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock, in seconds after the beginning."""

    def go_to(after: float) -> None:
        monkeypatch.setattr(times, "unix", lambda: BEGAN + after)

    go_to(0)
    return go_to


@pytest.fixture
def sweep(aws: Aws, go: Callable[[float], None]) -> ExpiringKeys:
    return ExpiringKeys(aws.keys.ending, aws.cursors, aws.events, RETENTION_DAYS)


def ends(key_id: str, after: float, **members: object) -> ApiKey:
    changed: ApiKey = replace(KEY, id=key_id, expires_at=int(BEGAN + after), **members)  # type: ignore[arg-type]
    return changed


def told(aws: Aws, key: ApiKey) -> Event | None:
    return aws.events.get(f"eventbus:key_{key.id}_{key.expires_at}")


def test_the_first_sweep_announces_all_keys_that_end_within_the_period(
    aws: Aws, sweep: ExpiringKeys
) -> None:
    soon, later = ends("ebk_1", 3 * DAY), ends("ebk_2", DAYS_BEFORE * DAY + 60)
    aws.add_keys(soon, later, replace(KEY, id="ebk_3"))
    assert sweep.run() == 1
    event = told(aws, soon)
    assert event
    assert (event.type, event.source, event.audience) == (
        "eventbus.key.expiring",
        "eventbus",
        "planner",
    )
    assert orjson.loads(event.payload or b"") == {
        "key_id": "ebk_1",
        "service_id": "planner",
        "name": "Laptop",
        "type": "api_key",
        "expires_at": times.at(BEGAN + 3 * DAY),
        "last_used_at": None,
    }
    assert told(aws, later) is None


def test_each_key_is_announced_once(
    aws: Aws, sweep: ExpiringKeys, go: Callable[[float], None]
) -> None:
    end = DAYS_BEFORE * DAY
    aws.add_keys(ends("ebk_1", end), ends("ebk_2", end + 1), ends("ebk_3", end + 3 * DAY))
    assert sweep.run() == 1
    go(60)
    assert sweep.run() == 0
    go(INTERVAL_SECONDS)
    assert sweep.run() == 1
    # The sweeper stood still for days: nothing is left out.
    go(4 * DAY)
    assert sweep.run() == 1
    go(5 * DAY)
    assert sweep.run() == 0


def test_replaced_and_short_keys_are_not_announced(
    aws: Aws, sweep: ExpiringKeys, go: Callable[[float], None]
) -> None:
    aws.add_keys(ends("ebk_1", DAY, replaced_by="ebk_2"))
    aws.keys.add_token(ends("ebt_1", 600))
    assert sweep.run() == 0
    go(INTERVAL_SECONDS)
    # Made to end sooner.
    aws.add_keys(ends("ebk_3", INTERVAL_SECONDS + 60))
    assert sweep.run() == 0


def test_a_look_that_fails_is_made_again(aws: Aws, sweep: ExpiringKeys) -> None:
    key = ends("ebk_1", DAY)
    aws.add_keys(key)
    with pytest.raises(ConnectionClosedError), not_sent(aws.dynamodb, "PutItem"):
        sweep.run()
    assert told(aws, key) is None
    assert sweep.run() == 1
    assert told(aws, key)


def test_two_looks_at_the_same_time_tell_once(aws: Aws, sweep: ExpiringKeys) -> None:
    aws.add_keys(ends("ebk_1", DAY))
    held = aws.cursors.hold("sweeper", "expiring_keys", "another", 60)
    assert held
    assert sweep.run() == 0
    aws.cursors.release(held, "")
    assert sweep.run() == 1
