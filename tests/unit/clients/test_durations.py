"""Durations that cannot be waited for are refused at once, and endless ones work where they may."""

import asyncio
import inspect
import math
from collections.abc import Callable
from typing import Any

import event_bus_client
import pytest
from event_bus_client import (
    AsyncEventBus,
    BackgroundPublisher,
    ConfigurationError,
    EventBus,
    MemoryStore,
    Receiver,
    RetryPolicy,
    Webhook,
)
from event_bus_client.durations import LONGEST_SECONDS, checked
from event_bus_client.integrations.dynamodb import DynamoDBStore
from event_bus_client.integrations.redis import RedisStore
from event_bus_client.testing import FakeBus

from tests.unit.clients.http_bus import HttpBus, serving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL = "https://bus.example"
NONE: Any = None


def first(events: Any) -> None:
    """Has an iteration begin."""
    next(iter(events), None)


def bus() -> EventBus:
    return FakeBus().client("shop")


def publisher(**options: Any) -> BackgroundPublisher:
    return BackgroundPublisher(bus(), **options)


TAKERS: list[Callable[[float], Any]] = [
    lambda seconds: EventBus(URL, timeout=seconds),
    lambda seconds: AsyncEventBus(URL, timeout=seconds),
    lambda seconds: RetryPolicy(first_wait=seconds),
    lambda seconds: RetryPolicy(longest_wait=seconds),
    lambda seconds: Webhook(SECRET, tolerance_seconds=seconds),
    lambda seconds: MemoryStore(keep_seconds=seconds),
    lambda seconds: MemoryStore(claim_seconds=seconds),
    lambda seconds: DynamoDBStore(NONE, "seen", keep_seconds=int_or(seconds)),
    lambda seconds: DynamoDBStore(NONE, "seen", claim_seconds=int_or(seconds)),
    lambda seconds: RedisStore(NONE, keep_seconds=int_or(seconds)),
    lambda seconds: RedisStore(NONE, claim_seconds=int_or(seconds)),
    lambda seconds: Receiver().close(seconds),
    lambda seconds: publisher(flush_seconds=seconds),
    lambda seconds: publisher().flush(seconds),
    lambda seconds: publisher().close(seconds),
    lambda seconds: bus().commands.request("shop.pay", {}, timeout=seconds),
    lambda seconds: bus().commands.send("shop.pay", {}, wait_seconds=int_or(seconds)),
    lambda seconds: bus().commands.get("c1", wait_seconds=int_or(seconds)),
    lambda seconds: first(bus().inbox("sub_1").receive(wait_seconds=int_or(seconds))),
    lambda seconds: first(bus().inbox("sub_1").receive(renew_seconds=seconds)),
]
"""Every argument that is a duration."""


def int_or(seconds: float) -> Any:
    """A duration whose type says that it is a whole number; a program may pass another."""
    return seconds


@pytest.mark.parametrize("taker", TAKERS, ids=inspect.getsource)
@pytest.mark.parametrize("seconds", [math.nan, -1, 1e12])
def test_a_duration_that_cannot_be_waited_for_is_refused(
    taker: Callable[[float], Any], seconds: float
) -> None:
    with pytest.raises(ConfigurationError, match=r"must be (0 or )?above"):
        taker(seconds)


def test_every_duration_of_the_client_is_checked() -> None:
    sources = "".join(map(inspect.getsource, TAKERS))
    exported = [getattr(event_bus_client, name) for name in event_bus_client.__all__]
    classes = {each for each in exported if inspect.isclass(each)}
    found = {
        name
        for each in classes | {DynamoDBStore, RedisStore, type(bus().commands), inbox()}
        for _, function in inspect.getmembers(each, inspect.isfunction)
        for name in inspect.signature(function).parameters
        if name.endswith(("_seconds", "_wait")) or name == "timeout"
    }
    # The bus refuses a lease that is not valid, and the client waits for the refusal as usual.
    assert {name for name in found if name not in sources} == {"lease_seconds"}


def inbox() -> type:
    return type(bus().inbox("sub_1"))


async def published(url: str) -> str:
    """Publishes an event with asyncio, and returns its id."""
    async with AsyncEventBus(url, timeout=math.inf) as over_sockets:
        return (await over_sockets.publish("order.placed", {}, id="e2")).id


def test_an_endless_duration_works() -> None:
    shop = FakeBus().client("shop")
    assert shop.publish("order.placed", {}).id
    with BackgroundPublisher(shop) as publishing:
        publishing.publish("order.placed", {})
        assert publishing.flush(math.inf)
        assert publishing.close(math.inf)
    assert Receiver().close(math.inf)
    assert checked("timeout", math.inf, endless=True) == math.inf
    with serving(HttpBus()) as port:
        with EventBus(f"http://127.0.0.1:{port}", timeout=math.inf) as over_sockets:
            assert over_sockets.publish("order.placed", {}, id="e1").id == "e1"
        assert asyncio.run(published(f"http://127.0.0.1:{port}")) == "e2"
    with pytest.raises(ConfigurationError, match=r"not inf"):
        checked("timeout", math.inf)
    with pytest.raises(ConfigurationError, match=r"not 0"):
        EventBus(URL, timeout=0)
    assert checked("timeout", LONGEST_SECONDS) == LONGEST_SECONDS
