"""Stores of deliveries: one contract for all, and what each does beside."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from event_bus_client import MemoryStore, Seen, SeenStore
from event_bus_client.integrations.dynamodb import DynamoDBStore
from event_bus_client.integrations.redis import RedisStore
from moto import mock_aws

from tests.waiting import join


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Redis:
    """What a store needs of Redis (https://redis.io/docs/latest/commands/set/)."""

    clock: Clock
    values: dict[str, tuple[str, float]] = field(default_factory=dict)

    def set(self, key: str, value: str, *, ex: int, nx: bool = False) -> bool | None:
        if nx and self.get(key) is not None:
            return None
        self.values[key] = (value, self.clock() + ex)
        return True

    def get(self, key: str) -> bytes | None:
        value, until = self.values.get(key, ("", 0.0))
        return value.encode() if self.clock() < until else None

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-central-1")
        client.create_table(
            TableName="seen",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


@pytest.fixture(params=["memory", "dynamodb", "redis"])
def store(request: pytest.FixtureRequest, clock: Clock) -> SeenStore:
    if request.param == "memory":
        return MemoryStore(keep_seconds=100, claim_seconds=10, clock=clock)
    if request.param == "redis":
        return RedisStore(Redis(clock), keep_seconds=100, claim_seconds=10)
    client = request.getfixturevalue("table")
    return DynamoDBStore(client, "seen", keep_seconds=100, claim_seconds=10, clock=clock)


def test_a_delivery_is_claimed_once(store: SeenStore) -> None:
    assert [store.begin(each) for each in ("a", "a", "b")] == [Seen.NEW, Seen.BUSY, Seen.NEW]
    store.finish("a", '{"n": 1}')
    assert [store.begin(each) for each in ("a", "b")] == [Seen.DONE, Seen.BUSY]
    assert store.answer("a") == '{"n": 1}'


def test_an_abandoned_event_can_be_claimed_again(store: SeenStore) -> None:
    store.begin("a")
    store.abandon("a")
    assert store.begin("a") is Seen.NEW


def test_a_claim_ends_where_its_holder_died(store: SeenStore, clock: Clock) -> None:
    store.begin("a")
    clock.now += 9
    assert store.begin("a") is Seen.BUSY
    clock.now += 1
    assert store.begin("a") is Seen.NEW
    assert store.begin("a") is Seen.BUSY


def test_a_finished_event_is_remembered_for_a_limited_time(store: SeenStore, clock: Clock) -> None:
    store.begin("a")
    clock.now += 5
    store.finish("a", '{"n": 1}')
    clock.now += 99
    assert store.begin("a") is Seen.DONE
    clock.now += 1
    assert store.begin("a") is Seen.NEW


def test_memory_has_a_bound(clock: Clock) -> None:
    store = MemoryStore(3, clock=clock)
    for each in "abcd":
        store.begin(each)
        store.finish(each, "")
    assert [store.begin(each) for each in "dcba"] == [Seen.DONE] * 3 + [Seen.NEW]


def test_of_many_threads_one_has_the_claim() -> None:
    store, found, lock = MemoryStore(), [], threading.Lock()

    def claim() -> None:
        state = store.begin("a")
        with lock:
            found.append(state)

    threads = [threading.Thread(target=claim) for _ in range(16)]
    for each in threads:
        each.start()
    join(*threads)
    assert found.count(Seen.NEW) == 1


def test_subscriptions_share_a_table_by_prefixes(table: Any, clock: Clock) -> None:
    stores = [DynamoDBStore(table, "seen", prefix=each, clock=clock) for each in ("a", "b")]
    assert [each.begin("order-1") for each in stores] == [Seen.NEW, Seen.NEW]
