"""Subscriptions are remembered for a while, and never older than the message at hand."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from event_bus.delivery import subscription_cache
from event_bus.delivery.subscription_cache import CACHE_SECONDS, SubscriptionCache
from event_bus.model.subscription import Subscription
from event_bus.queues.message import Message
from event_bus.stores.subscriptions import SubscriptionStore
from event_bus.targets.http import HttpTarget
from event_bus.targets.registry import TARGETS

from tests.aws import Aws
from tests.builders import event, message, subscription
from tests.clock import Clock


@dataclass(frozen=True, slots=True)
class CountingStore(SubscriptionStore):
    """Tells how often it was read."""

    reads: list[list[str]] = field(default_factory=list)

    def get_many(self, subscription_ids: Any) -> dict[str, Subscription]:
        ids = sorted(subscription_ids)
        self.reads.append(ids)
        return SubscriptionStore.get_many(self, ids)


@pytest.fixture
def store(aws: Aws) -> CountingStore:
    return CountingStore(aws.table("subscriptions"), TARGETS, aws.table("changes"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(store: CountingStore, clock: Clock) -> SubscriptionCache:
    return SubscriptionCache(store, clock)


@pytest.fixture
def made(aws: Aws) -> Callable[[str], Subscription]:
    return lambda name: aws.subscriptions.create(subscription(name))


def for_(*subscriptions: Subscription) -> list[Message]:
    return [message(event(), each) for each in subscriptions]


def test_a_batch_is_one_read(
    cache: SubscriptionCache, store: CountingStore, made: Callable[[str], Subscription]
) -> None:
    first, second = made("sub_1"), made("sub_2")
    assert cache.of(for_(first, second, first)) == {"sub_1": first, "sub_2": second}
    assert store.reads == [["sub_1", "sub_2"]]


def test_a_subscription_is_read_once_within_its_caching_time(
    cache: SubscriptionCache,
    store: CountingStore,
    clock: Clock,
    made: Callable[[str], Subscription],
) -> None:
    first = made("sub_1")
    cache.of(for_(first))
    clock.now += CACHE_SECONDS - 0.1
    second = made("sub_2")
    assert cache.of(for_(first, second)) == {"sub_1": first, "sub_2": second}
    assert store.reads == [["sub_1"], ["sub_2"]]


def test_a_change_applies_after_the_caching_time(
    cache: SubscriptionCache,
    store: CountingStore,
    clock: Clock,
    made: Callable[[str], Subscription],
) -> None:
    first = made("sub_1")
    cache.of(for_(first))
    changed = store.update(replace(first, status="disabled"))
    assert cache.of(for_(first)) == {"sub_1": first}
    clock.now += CACHE_SECONDS
    assert cache.of(for_(first)) == {"sub_1": changed}


def test_a_message_that_was_routed_later_sees_the_change_at_once(
    cache: SubscriptionCache, store: CountingStore, made: Callable[[str], Subscription]
) -> None:
    first = made("sub_1")
    cache.of(for_(first))
    changed = store.update(replace(first, target=HttpTarget("https://new.example/")))
    assert cache.of(for_(changed)) == {"sub_1": changed}
    assert cache.of(for_(first)) == {"sub_1": changed}
    assert len(store.reads) == 2


def test_a_deleted_subscription_is_missing_after_the_caching_time(
    cache: SubscriptionCache,
    store: CountingStore,
    clock: Clock,
    made: Callable[[str], Subscription],
) -> None:
    first = made("sub_1")
    cache.of(for_(first))
    store.delete(first)
    clock.now += CACHE_SECONDS
    assert cache.of(for_(first)) == {}


def test_the_cache_has_a_largest_size(
    store: CountingStore,
    monkeypatch: pytest.MonkeyPatch,
    made: Callable[[str], Subscription],
) -> None:
    monkeypatch.setattr(subscription_cache, "_CACHED", 2)
    cache = SubscriptionCache(store)
    many = [made(f"sub_{number}") for number in range(4)]
    for each in many:
        cache.of(for_(each))
    store.reads.clear()
    both = cache.of(for_(many[0], many[3]))
    assert both == {"sub_0": many[0], "sub_3": many[3]}
    assert cache.of(for_(many[0], many[3])) == both
    assert len(store.reads) == 1
