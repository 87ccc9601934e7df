"""However many functions deliver, a circuit opens only after the failures that open it."""

import heapq
import random
from dataclasses import dataclass, field
from itertools import count, islice
from typing import TYPE_CHECKING, cast

import pytest
from event_bus import times
from event_bus.delivery import circuits as delivery_circuits
from event_bus.delivery.circuits import CACHE_SECONDS, Circuits, Permits
from event_bus.model.circuit import (
    CONSECUTIVE_FAILURES,
    FAILURE_RATIO,
    KNOWN_SECONDS,
    LEAST_SAMPLE,
    WINDOW_SECONDS,
    Circuit,
)
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.table import Table
from hypothesis import given
from hypothesis import strategies as st

from infra.tables import TABLES
from tests.aws import RETENTION_DAYS, Aws
from tests.simulation.dynamodb import MemoryDynamoDB
from tests.simulation.tables import Tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

START = 1_800_000_000.0


@dataclass
class Call:
    """A call of a function with some messages of a subscription.

    Attributes:
        start: When it begins, in Unix seconds.
        seconds: How long its attempts take.
        delivered: Whether each of them succeeds.
    """

    start: float
    seconds: float
    delivered: list[bool]


@dataclass
class Functions:
    """Functions that share one store. Each has a cache of its own.

    Attributes:
        number: How many there are.
        newest_first: Whether a call goes to the function that was used last; else to the one that
            has waited for longest.
        reported: When each attempt was reported, and whether it succeeded, in order.
        opened_at: When the circuit opened; None if it did not.
        first_failure: When the first failure was stored; None without any.
    """

    number: int
    newest_first: bool = False
    now: float = START
    reported: list[tuple[float, bool]] = field(default_factory=list)
    opened_at: float | None = None
    first_failure: float | None = None

    def __post_init__(self) -> None:
        client = cast("DynamoDBClient", MemoryDynamoDB(Tables(TABLES)))
        self.store = CircuitStore(Table(client, "circuits"), RETENTION_DAYS)
        self.free = [Circuits(self.store, lambda: self.now) for _ in range(self.number)]

    def run(self, calls: list[Call]) -> None:
        """Makes the calls until the circuit opens, and checks that it may."""
        ends = list[tuple[float, int, Circuits, Permits, list[bool]]]()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(times, "unix", lambda: self.now)
            patch.setattr(delivery_circuits, "attempts", range)
            for number, call in enumerate(calls):
                if self.opened_at:
                    break
                while ends and (ends[0][0] <= call.start or not self.free):
                    self._end(*heapq.heappop(ends))
                self.now = max(self.now, call.start)
                circuits = self.free.pop(-1 if self.newest_first else 0)
                permits = Permits(circuits)
                permits.look_up(["sub_1"])
                made = [each for each in call.delivered if permits.take("sub_1") is None]
                heapq.heappush(ends, (self.now + call.seconds, number, circuits, permits, made))
            while ends:
                self._end(*heapq.heappop(ends))

    def _end(
        self, at: float, _number: int, circuits: Circuits, permits: Permits, made: list[bool]
    ) -> None:
        self.now = max(self.now, at)
        before = len(self.reported)
        for delivered in made:
            permits.ended("sub_1", delivered=delivered)
            self.reported.append((self.now, delivered))
        permits.close()
        self.free.append(circuits)
        circuit = self.store.get_many(["sub_1"]).get("sub_1")
        if circuit and self.first_failure is None:
            self.first_failure = self.now
        if circuit and not circuit.permits and self.opened_at is None:
            self.opened_at = self.now
            ends = range(before + 1, len(self.reported) + 1)
            assert any(may_open(self.reported[:end]) for end in ends), self.reported


def may_open(reported: list[tuple[float, bool]]) -> bool:
    """Returns whether the last attempts are ten failures, or half of at least twenty failed."""
    if len(reported) >= CONSECUTIVE_FAILURES and not any(
        delivered for _, delivered in reported[-CONSECUTIVE_FAILURES:]
    ):
        return True
    sample, failures = 0, 0
    for at, delivered in reversed(reported):
        if reported[-1][0] - at > WINDOW_SECONDS:
            break
        sample, failures = sample + 1, failures + (not delivered)
        if sample >= LEAST_SAMPLE and failures >= FAILURE_RATIO * sample:
            return True
    return False


def steady(
    rate: float, seconds: float, every: int, size: int = 1, until: float = 3.5
) -> list[Call]:
    """Calls at a constant rate, of which every n-th attempt fails."""
    results = (number % every != every - 1 for number in count())
    return [
        Call(START + number / rate, seconds, list(islice(results, size)))
        for number in range(int(until * rate))
    ]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize(
    ("number", "rate", "seconds", "every"),
    [(50, 100, 0.4, 3), (30, 60, 0.4, 3), (20, 40, 0.3, 3), (50, 100, 0.4, 5), (5, 30, 0.1, 3)],
)
def test_failures_that_are_not_in_a_row_open_no_circuit(
    number: int, rate: float, seconds: float, every: int, size: int, newest_first: bool
) -> None:
    functions = Functions(number, newest_first)
    functions.run(steady(rate, seconds, every, size))
    assert functions.first_failure
    assert functions.opened_at is None


@given(
    seed=st.integers(0, 2**32),
    number=st.integers(1, 50),
    newest_first=st.booleans(),
    rate=st.sampled_from([1, 5, 20, 60, 100]),
    longest=st.sampled_from([0.01, 0.3, 1.5, 5.0]),
    failing=st.sampled_from([0.05, 0.2, 0.35, 0.5, 0.7, 0.95]),
    size=st.integers(1, 12),
)
def test_a_circuit_opens_only_after_the_failures_that_open_it(
    seed: int,
    number: int,
    newest_first: bool,
    rate: float,
    longest: float,
    failing: float,
    size: int,
) -> None:
    rng = random.Random(seed)
    calls, start = list[Call](), START
    for _ in range(rng.randint(10, 150)):
        start += rng.expovariate(rate)
        delivered = [rng.random() >= failing for _ in range(rng.randint(1, size))]
        calls.append(Call(start, rng.uniform(0, longest), delivered))
    Functions(number, newest_first).run(calls)


@given(
    number=st.integers(1, 50),
    rate=st.sampled_from([0.02, 0.3, 1, 5, 20, 60, 100]),
    seconds=st.sampled_from([0.01, 0.4, 1.0, 30.0]),
    size=st.integers(1, 10),
)
def test_the_circuit_of_a_dead_subscriber_opens_soon(
    number: int, rate: float, seconds: float, size: int
) -> None:
    functions = Functions(number)
    until = KNOWN_SECONDS + (CONSECUTIVE_FAILURES + 2) * (1 / rate + seconds)
    functions.run(steady(rate, seconds, 1, size, until))
    assert functions.opened_at
    assert functions.first_failure
    known = functions.first_failure + KNOWN_SECONDS
    late = [at for at, _ in functions.reported if known <= at <= functions.opened_at]
    # The tenth failure opens it. Failures of the same call are reported with it.
    assert len(late) < CONSECUTIVE_FAILURES + size


def test_a_failure_does_not_count_if_a_success_may_have_followed_it() -> None:
    functions = Functions(1)
    minutes = [Call(START + 60 * number, 0.1, [False]) for number in range(11)]
    functions.run(minutes[:10])
    assert functions.opened_at is None
    functions.run(minutes[10:])
    assert functions.opened_at


def test_half_of_the_attempts_open_a_circuit_however_rare_they_are() -> None:
    functions = Functions(3)
    functions.run(
        [Call(START + 2.5 * number, 0.1, [number % 2 > 0]) for number in range(LEAST_SAMPLE + 2)]
    )
    assert functions.opened_at


def test_functions_cache_circuits_for_less_than_it_takes_to_know_them() -> None:
    # What is left must be enough for slow calls, and for clocks that differ.
    assert CACHE_SECONDS + 1 <= KNOWN_SECONDS


def test_a_result_that_many_functions_overtake_is_given_up(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    permits, written = Permits(Circuits(aws.circuits)), []

    def overtaken(_: object, subscription_id: str, circuit: Circuit) -> bool:
        written.append((subscription_id, circuit.failures))
        return False

    monkeypatch.setattr(type(aws.circuits), "put", overtaken)
    permits.ended("sub_1", delivered=False)
    assert permits.close() == {}
    assert written == [("sub_1", 1)] * 4
