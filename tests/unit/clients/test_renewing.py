"""How long a lease holds, as its holder knows it."""

import asyncio
import threading
from typing import Any

import pytest
from event_bus_client import (
    ConnectionFailed,
    EventBusError,
    NotFound,
    ServerError,
    TooManyRequests,
)
from event_bus_client.renewing import AsyncRenewal, Renewal, _Lease


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which passes only as a test says."""
    now = [100.0]
    monkeypatch.setattr("event_bus_client.renewing.time.monotonic", lambda: now[0])
    return now


def test_a_renewal_counts_from_when_it_was_asked_for(clock: list[float]) -> None:
    lease = _Lease(30, 1_000)
    clock[0] = 125
    lease.renewed(110)
    clock[0] = 139
    assert lease.holds
    clock[0] = 140
    assert not lease.holds


def test_a_lease_is_renewed_while_it_holds_and_is_wanted(clock: list[float]) -> None:
    lease = _Lease(30, 40)
    assert (lease.due, lease.pause) == (True, 10)
    clock[0] = 130
    assert not lease.due
    lease.renewed(130)
    assert lease.due
    clock[0] = 140
    assert (lease.holds, lease.due) == (True, False)


@pytest.mark.parametrize(
    ("failure", "holds"),
    [
        (ConnectionFailed("no answer"), True),
        (ServerError(kind="x", status=503, title="x", detail=""), True),
        (TooManyRequests(kind="x", status=429, title="x", detail=""), True),
        (NotFound(kind="x", status=404, title="x", detail=""), False),
    ],
)
def test_only_a_refusal_says_that_a_lease_is_gone(
    clock: list[float], failure: EventBusError, holds: bool
) -> None:
    lease = _Lease(30, 1_000)
    lease.failed(failure)
    assert (lease.holds, lease.due) == (holds, holds)
    clock[0] = 130
    assert not lease.holds


@pytest.mark.parametrize("left", [True, False])
def test_a_renewal_under_way_may_fail_once_its_block_is_left(
    left: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    asked, closed = threading.Event(), threading.Event()

    def renew() -> None:
        asked.set()
        assert closed.wait(10)
        raise RuntimeError("the client has been closed")

    with Renewal(renew, 0.03, 1_000):
        assert asked.wait(10)
        [thread] = [each for each in threading.enumerate() if each.name == "event-bus-lease"]
        if not left:
            closed.set()
            thread.join(10)
    closed.set()
    thread.join(10)
    assert [each.exc_type for each in told] == ([] if left else [RuntimeError])


def test_a_task_is_cancelled_although_it_waits_for_the_end_of_a_renewal() -> None:
    went_on: list[bool] = []

    async def play() -> None:
        renewing, ending, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def renew() -> None:
            renewing.set()
            try:
                await asyncio.Event().wait()
            finally:
                # Such as a connection that takes a moment to close.
                ending.set()
                await may_end.wait()

        async def consume() -> None:
            async with AsyncRenewal(renew, 0.03, 100):
                await renewing.wait()
            went_on.append(True)

        consumer = asyncio.ensure_future(consume())
        await ending.wait()
        consumer.cancel()
        await asyncio.sleep(0)
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await consumer

    asyncio.run(play())
    assert went_on == []


def test_a_fault_in_a_renewal_with_asyncio_is_raised() -> None:
    async def play() -> None:
        renewing = asyncio.Event()

        async def renew() -> None:
            renewing.set()
            raise RuntimeError("a fault of the program")

        async with AsyncRenewal(renew, 0.03, 100):
            await renewing.wait()
            await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="a fault"):
        asyncio.run(play())
