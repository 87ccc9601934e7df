"""A subscriber that comes back after an outage gets what waited bit by bit, and soon."""

from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
from event_bus.maintenance.due import INTERVAL_SECONDS
from event_bus.model.circuit import Circuit
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.recovery.dead_letters import BULK_RATE
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.table import Table

from tests.simulation.clients import ADMIN
from tests.simulation.dynamodb import MemoryDynamoDB
from tests.simulation.known import Subscriber
from tests.simulation.process import simulated
from tests.simulation.stories.story import ONCE, REFUSED, TAKEN, event
from tests.simulation.world import World

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EVENTS = 60
CALM = 15
"""The most deliveries that may come within one second; the sweep used to send all at once."""


def pass_by(world: World, seconds: int) -> None:
    """Lets seconds pass one by one, with a sweep in each minute."""
    for _ in range(seconds):
        if int(world.now) % INTERVAL_SECONDS == 0:
            world.invoke("sweep", {})
        world.run(1_000)
        world.now = int(world.now) + 1.0


def most_within_a_second(moments: list[float]) -> int:
    return max(bisect_left(moments, each + 1) - place for place, each in enumerate(moments))


def circuit_of(world: World, subscription_id: str) -> Circuit:
    """The circuit of a subscription that is in trouble."""
    store = CircuitStore(Table(cast("DynamoDBClient", MemoryDynamoDB(world.tables)), "circuits"))
    return store.get_many([subscription_id])[subscription_id]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("outage", [30, 75, 400, 1_500])
def test_recovery_is_smooth_and_within_its_bound(seed: int, outage: int) -> None:
    world = World(seed)
    down = [True]

    def answer(_event: Event, _number: int) -> Outcome:
        return REFUSED if down[0] else TAKEN

    subscriber = Subscriber(answer)
    with simulated(world, seed):
        subscribed = world.subscribe(
            ["task.*"], subscriber, retry_policy={"schedule": [5], "max_attempts": 50}
        )
        for batch in range(3):
            world.publish(*[event(f"e{batch}-{number}") for number in range(EVENTS // 3)])
            pass_by(world, 5)
        pass_by(world, outage)
        pause = circuit_of(world, subscribed).pause
        down[0] = False
        pass_by(world, int(pause) + 300)
    # Queues hand a few messages over twice; what counts is when an event came first.
    first = {each.key: each.at for each in reversed(subscriber.log) if each.taken}
    taken = sorted(first.values())
    assert len(taken) == EVENTS
    assert taken[-1] - taken[0] <= pause / 2 + INTERVAL_SECONDS
    assert most_within_a_second(taken) <= CALM


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("wait", [20, 70])
def test_what_was_refused_until_a_date_comes_bit_by_bit(seed: int, wait: int) -> None:
    world = World(seed)
    reopens_at = 0.0

    def answer(seen: Event, _number: int) -> Outcome:
        # So few refusals open no circuit.
        if world.now >= reopens_at or not seen.id.endswith("-0"):
            return TAKEN
        left = reopens_at - world.now
        return replace(REFUSED, status_code=503, retry_after=left)

    subscriber = Subscriber(answer)
    with simulated(world, seed):
        world.subscribe(["task.*"], subscriber)
        reopens_at = world.now + wait
        for batch in range(45):
            world.publish(*[event(f"e{batch}-{number}") for number in range(3)])
            if batch % 5 == 4:
                pass_by(world, 2)
        pass_by(world, wait + 60)
    refused = {each.key for each in subscriber.log if not each.taken}
    first = {each.key: each.at for each in reversed(subscriber.log) if each.taken}
    again = sorted(first[key] for key in refused)
    assert len(again) > 30
    assert reopens_at <= again[0]
    assert again[-1] <= reopens_at + max(0.2 * wait, 10) + 2
    assert most_within_a_second(again) <= CALM


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("limits", "most"),
    [({}, BULK_RATE), ({"max_in_flight": 3}, BULK_RATE), ({"rate_limit": 2}, 2)],
)
def test_a_bulk_retry_comes_bit_by_bit(seed: int, limits: dict[str, int], most: int) -> None:
    world = World(seed)

    def answer(seen: Event, number: int) -> Outcome:
        # So few refusals open no circuit.
        return REFUSED if number == 1 and seen.id.endswith("-0") else TAKEN

    subscriber = Subscriber(answer)
    with simulated(world, seed):
        world.subscribe(["task.*"], subscriber, retry_policy=ONCE, **limits)
        for batch in range(EVENTS):
            world.publish(*[event(f"e{batch}-{number}") for number in range(3)])
        while len(world.dead_letters(status="exhausted")) < EVENTS:
            pass_by(world, INTERVAL_SECONDS)
        asked_at = world.now
        answered = world.insist("recovery", "POST /dead-letters/retry", ADMIN, {})
        assert answered == (202, {"retried": EVENTS, "next_cursor": None})
        assert world.dead_letters(status="exhausted") == []
        pass_by(world, EVENTS // most + INTERVAL_SECONDS)
    refused = {each.key for each in subscriber.log if not each.taken}
    first = {each.key: each.at for each in reversed(subscriber.log) if each.taken}
    taken = sorted(first[key] for key in refused)
    assert len(taken) == EVENTS
    assert asked_at <= taken[0]
    assert most_within_a_second(taken) <= 3 * most
    assert taken[-1] - taken[0] >= EVENTS / most - 2
