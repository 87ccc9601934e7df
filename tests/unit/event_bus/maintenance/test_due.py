"""Due deliveries are sent at their times, and a sweep spreads a backlog."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor

import orjson
import pytest
from event_bus import times
from event_bus.maintenance.due import AHEAD_SECONDS, INTERVAL_SECONDS, DueSweep
from event_bus.model.circuit import Circuit
from event_bus.model.delivery import ON_LANE_SECONDS, DeliveryKey
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message
from event_bus.queues.sending import NotSent
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.delivery_items import SHARDS
from event_bus.stores.due_deliveries import DueDeliveries, DueDelivery
from event_bus.stores.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.tables import TABLES
from tests.builders import delivery
from tests.simulation.dynamodb import MemoryDynamoDB
from tests.simulation.sqs import MemorySqs, SqsQueues
from tests.simulation.tables import Tables

START = 1_777_636_800.0
DAY = 86_400.0
PROPERTY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Sweeps:
    """Sweeps over deliveries in memory, at a time that a test chooses.

    Attributes:
        now: The time, in Unix seconds.
        deliveries: The deliveries.
        circuits: The circuits of their subscriptions.
    """

    def __init__(self, executor: Executor) -> None:
        self.now = START
        self.queues = SqsQueues(lambda: self.now)
        dynamodb = MemoryDynamoDB(Tables(TABLES))
        self.deliveries = DeliveryStore(Table(dynamodb, "deliveries"), 30)  # type: ignore[arg-type]
        self.circuits = CircuitStore(Table(dynamodb, "circuits"), 30)  # type: ignore[arg-type]
        lane = self.queues.create("lane")
        sqs = MemorySqs(self.queues)
        lanes = Lanes(sqs, {"http": lane}, executor)  # type: ignore[arg-type]
        due = DueDeliveries(Table(dynamodb, "deliveries"))  # type: ignore[arg-type]
        self.sweep = DueSweep(due, self.deliveries, self.circuits, lanes, clock=lambda: self.now)

    def wait(self, dues: Sequence[float]) -> None:
        """Stores deliveries that are due at these times, in seconds from now."""
        for number, due in enumerate(dues):
            waiting = delivery(
                "retrying", f"evt_{number}", next_retry_at=times.at(self.now + due), waiting=True
            )
            self.deliveries.record(waiting, 1)

    def run(self) -> int:
        """Sweeps once."""
        return self.sweep.run(1.0)

    def sent(self) -> dict[str, list[float]]:
        """When the messages of each event can be handed over, in seconds from the start."""
        found: dict[str, list[float]] = {}
        for each in self.queues.queues["lane"].messages:
            event_id = orjson.loads(each.body)["event_id"]
            found.setdefault(event_id, []).append(each.visible_at - START)
        return found


@pytest.fixture
def begin(executor: Executor, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Sweeps]:
    """Begins with nothing that is due, at the start, and with the same random numbers each time."""
    monkeypatch.setattr(random, "uniform", random.Random(7).uniform)

    def new() -> Sweeps:
        sweeps = Sweeps(executor)
        monkeypatch.setattr(times, "unix", lambda: sweeps.now)
        return sweeps

    return new


@PROPERTY
@given(dues=st.lists(st.floats(-DAY, DAY) | st.floats(-INTERVAL_SECONDS, AHEAD_SECONDS)))
def test_a_delivery_comes_once_and_in_its_time(
    begin: Callable[[], Sweeps], dues: list[float]
) -> None:
    sweeps = begin()
    sweeps.wait(dues)
    for _ in range(4):
        sweeps.run()
        # A sweep that runs twice at a time, and one that comes late.
        sweeps.run()
        sweeps.now += INTERVAL_SECONDS + 0.5
    sent = sweeps.sent()
    swept_until = 3 * (INTERVAL_SECONDS + 0.5) + AHEAD_SECONDS
    for number, exact in enumerate(dues):
        due = times.seconds(times.at(START + exact)) - START
        if due >= swept_until:
            assert f"evt_{number}" not in sent
            continue
        [comes] = sent[f"evt_{number}"]
        if due > 0:
            assert due < comes <= due + 1
        elif due > -INTERVAL_SECONDS:
            assert 0 <= comes <= due + INTERVAL_SECONDS
        else:
            assert 0 <= comes <= INTERVAL_SECONDS


@pytest.mark.parametrize("late", [3_600.0, 61.0, 1.0])
def test_a_backlog_is_spread_over_the_minute(begin: Callable[[], Sweeps], late: float) -> None:
    sweeps = begin()
    sweeps.wait([-late] * 300)
    assert sweeps.run() == 300
    per_second = Counter(int(comes) for [comes] in sweeps.sent().values())
    # Five a second on the average; twenty is more than chance makes of it.
    assert max(per_second.values()) < 20
    assert len(per_second) > INTERVAL_SECONDS / 2


def test_two_sweeps_at_the_same_moment_send_a_delivery_once(
    begin: Callable[[], Sweeps], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps, page = begin(), DueDeliveries.page
    sweeps.wait([30.0, 60.0])
    listed: dict[int, list[DueDelivery]] = {}

    def as_before(due: DueDeliveries, shard: int, until: str, limit: int) -> list[DueDelivery]:
        return listed.setdefault(shard, page(due, shard, until, limit))

    monkeypatch.setattr(DueDeliveries, "page", as_before)
    assert (sweeps.run(), sweeps.run()) == (2, 0)
    assert {name: len(sent) for name, sent in sweeps.sent().items()} == {"evt_0": 1, "evt_1": 1}


def test_a_message_that_is_lost_is_sent_again(begin: Callable[[], Sweeps]) -> None:
    sweeps = begin()
    sweeps.wait([30.0])
    assert sweeps.run() == 1
    sweeps.queues.queues["lane"].messages.clear()
    sweeps.now += ON_LANE_SECONDS - 60 - AHEAD_SECONDS
    assert sweeps.run() == 0
    sweeps.now += 120 + AHEAD_SECONDS
    assert sweeps.run() == 1


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_deliveries_that_a_queue_did_not_take_are_sent_again_in_a_minute(
    begin: Callable[[], Sweeps], monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    sweeps = begin()
    sweeps.wait([-40.0, 15.0, 80.0] * 6)
    send = Lanes.send

    def interrupted(lanes: Lanes, messages: Sequence[Message]) -> list[Message]:
        send(lanes, messages[:taken])
        if messages:
            raise NotSent("1 messages: ServiceUnavailable")
        return []

    with monkeypatch.context() as patched:
        patched.setattr(Lanes, "send", interrupted)
        with pytest.raises(NotSent):
            sweeps.run()
    assert len(sweeps.sent()) == SHARDS * taken
    for _ in range(4):
        sweeps.now += INTERVAL_SECONDS
        sweeps.run()
    comes = sweeps.sent()
    assert sorted(comes) == sorted(f"evt_{number}" for number in range(18))
    for each in comes.values():
        assert max(each) <= AHEAD_SECONDS + 2 * INTERVAL_SECONDS


def test_a_lane_that_takes_nothing_does_not_hold_up_the_others(
    begin: Callable[[], Sweeps], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps = begin()
    for number in range(1_200):
        waiting = delivery(
            "retrying",
            f"evt_{number}",
            # Those of the broken lane are due first, and fill the first pages of every shard.
            protocol="sqs" if number < 1_000 else "http",
            next_retry_at=times.at(sweeps.now - (600 if number < 1_000 else 60)),
            waiting=True,
        )
        sweeps.deliveries.record(waiting, 1)
    send = Lanes.send

    def broken(lanes: Lanes, messages: Sequence[Message]) -> list[Message]:
        taken = [each for each in messages if each.protocol == "http"]
        send(lanes, taken)
        if len(taken) < len(messages):
            raise NotSent("1 messages: ServiceUnavailable")
        return []

    monkeypatch.setattr(Lanes, "send", broken)
    with pytest.raises(NotSent):
        sweeps.run()
    assert sorted(sweeps.sent()) == sorted(f"evt_{number}" for number in range(1_000, 1_200))


def test_a_sweep_ends_at_a_table_that_fails(
    begin: Callable[[], Sweeps], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps = begin()
    sweeps.wait([-60] * 1_200)
    read, reads = CircuitStore.get_many, 0

    def throttled(store: CircuitStore, names: Iterable[str]) -> dict[str, Circuit]:
        nonlocal reads
        reads += 1
        if reads < 4:
            raise TimeoutError
        return read(store, names)

    monkeypatch.setattr(CircuitStore, "get_many", throttled)
    with pytest.raises(TimeoutError):
        sweeps.run()
    # It does not read the same page again and again.
    assert reads == 1
    assert sweeps.sent() == {}


def test_a_table_that_fails_later_does_not_delay_what_was_postponed(
    begin: Callable[[], Sweeps], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps = begin()
    sweeps.wait([-60] * 8 * SHARDS)
    postpone, asked = DueDeliveries.postpone, 0

    def throttled(due: DueDeliveries, each: DueDelivery, until: str, *, waits: bool) -> bool:
        nonlocal asked
        asked += 1
        if asked == 4:
            raise TimeoutError
        return postpone(due, each, until, waits=waits)

    with monkeypatch.context() as patched:
        patched.setattr(DueDeliveries, "postpone", throttled)
        with pytest.raises(TimeoutError):
            sweeps.run()
    # It ends at once, and sends those that it had postponed.
    assert asked == 4
    assert len(sweeps.sent()) == 3
    for _ in range(3):
        sweeps.now += INTERVAL_SECONDS
        sweeps.run()
    comes = sweeps.sent()
    assert sorted(comes) == sorted(f"evt_{number}" for number in range(8 * SHARDS))
    assert all(len(each) == 1 and each[0] <= 4 * INTERVAL_SECONDS for each in comes.values())


def test_deliveries_due_during_an_open_circuit_wait_for_its_probe(
    begin: Callable[[], Sweeps],
) -> None:
    sweeps = begin()
    until = 40.0
    opened = Circuit(state="open", until=START + until, pause=30, version=1)
    assert sweeps.circuits.put("sub_1", opened)
    sweeps.wait([-10.0, 10.0, until + 5])
    # The third is due when the circuit may be probed: the lane decides then.
    assert sweeps.run() == 1
    assert sweeps.sent() == {"evt_2": [until + 6]}
    for number in range(2):
        waiting = sweeps.deliveries.get(DeliveryKey(f"evt_{number}", "sub_1"))
        assert waiting
        assert waiting.next_retry_at
        resumed = times.seconds(waiting.next_retry_at) - START
        assert until <= resumed <= until + opened.pause / 2


def test_deliveries_due_during_a_probe_are_sent_to_the_lane(begin: Callable[[], Sweeps]) -> None:
    sweeps = begin()
    probed = Circuit(state="half_open", until=START + 50, version=1)
    assert sweeps.circuits.put("sub_1", probed)
    sweeps.wait([-10.0, 10.0])
    assert sweeps.run() == 2


def test_a_page_of_what_waits_for_its_circuit_is_passed_once(begin: Callable[[], Sweeps]) -> None:
    sweeps = begin()
    opened = Circuit(state="open", until=START + 20, pause=30, version=1)
    assert sweeps.circuits.put("sub_1", opened)
    sweeps.wait([0.0] * 900)
    assert sweeps.run() == 900
    assert all(len(each) == 1 for each in sweeps.sent().values())
