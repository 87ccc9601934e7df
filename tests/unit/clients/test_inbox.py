"""Pulling: what was handled is acknowledged, what was not comes again."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import aclosing, closing

import httpx
import pytest
from event_bus_client import (
    AsyncEventBus,
    Conflict,
    EventBus,
    NotFound,
    Problem,
    RetryPolicy,
    TooLarge,
)

AT = "2026-05-01T12:00:00.000Z"


def event(place: int) -> dict[str, object]:
    made = {"id": f"e{place}", "type": "order.placed", "source": "shop", "timestamp": AT}
    return {
        "cursor": str(place),
        "delivery_id": f"d{place}",
        "event": {**made, "payload": {}, "metadata": {}},
    }


class Inbox:
    """An inbox of some events, which remembers what is acknowledged."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.acknowledged = 0
        self.acknowledgements = 0
        self.extended: list[tuple[str, int]] = []
        self.answers: Iterator[httpx.Response] = iter(())
        self.extensions: Iterator[httpx.Response] = iter(())

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if (failure := next(self.answers, None)) is not None:
            return failure
        if request.method == "POST":
            body = json.loads(request.content)
            if "extend" in body:
                self.extended.append((body["lease"], body["extend"]))
                return next(self.extensions, httpx.Response(204))
            self.acknowledged = int(body["cursor"])
            self.acknowledgements += 1
            return httpx.Response(204)
        limit = int(request.url.params["limit"])
        places = range(self.acknowledged + 1, min(self.count, self.acknowledged + limit) + 1)
        items = [event(place) for place in places]
        return httpx.Response(
            200,
            json={
                "items": items,
                "cursor": str(self.acknowledged + len(items)),
                "lease": "lease_1" if items else None,
                "lease_expires_at": AT,
            },
        )


def bus(inbox: Inbox) -> EventBus:
    return EventBus(
        "https://bus.example",
        retries=RetryPolicy(attempts=1),
        transport=httpx.MockTransport(inbox),
    )


def test_all_events_come_once_and_are_acknowledged() -> None:
    inbox = Inbox(23)
    found = [each.cursor for each in bus(inbox).inbox("sub_1").receive(until_empty=True)]
    assert found == [str(place) for place in range(1, 24)]
    assert inbox.acknowledged == 23
    assert inbox.acknowledgements == 3


def test_a_break_leaves_the_event_at_hand_for_the_next_time() -> None:
    inbox = Inbox(5)
    receiving = bus(inbox).inbox("sub_1").receive(until_empty=True)
    with closing(receiving):
        for received in receiving:
            if received.cursor == "3":
                break
    assert inbox.acknowledged == 2


def test_stopping_acknowledges_what_was_handled() -> None:
    inbox = Inbox(5)
    stopped = bus(inbox).inbox("sub_1")
    for received in stopped.receive():
        if received.cursor == "4":
            stopped.stop()
    assert inbox.acknowledged == 4


def test_failures_are_waited_out() -> None:
    inbox = Inbox(1)
    inbox.answers = iter(
        [
            httpx.Response(409, json={"title": "Leased"}, headers={"retry-after": "0"}),
            httpx.Response(503, headers={"retry-after": "0.01"}),
            httpx.Response(429, headers={"retry-after": "0.01"}),
        ]
    )
    found = [each.event.id for each in bus(inbox).inbox("sub_1").receive(until_empty=True)]
    assert found == ["e1"]


@pytest.mark.parametrize(
    ("status", "asked", "kind"),
    [
        (404, {}, NotFound),
        (409, {}, Conflict),
        (409, {"retry-after": "soon"}, Conflict),
        (413, {"retry-after": "1"}, TooLarge),
    ],
)
def test_a_refusal_is_raised(status: int, asked: dict[str, str], kind: type[Problem]) -> None:
    inbox = Inbox(1)
    inbox.answers = iter([httpx.Response(status, headers=asked, json={"title": "No"})])
    with pytest.raises(kind):
        next(iter(bus(inbox).inbox("sub_1").receive()))


def test_a_refused_acknowledgement_ends_nothing() -> None:
    inbox = Inbox(1)
    receiving = iter(bus(inbox).inbox("sub_1").receive())
    assert next(receiving).cursor == "1"
    inbox.answers = iter([httpx.Response(409, json={"title": "The lease has ended"})])
    assert next(receiving).cursor == "1"


def test_a_lost_acknowledgement_ends_nothing() -> None:
    inbox = Inbox(2)
    receiving = iter(bus(inbox).inbox("sub_1").receive(limit=1))
    assert next(receiving).cursor == "1"
    inbox.answers = iter([httpx.Response(503)])
    # Its acknowledgement failed, so that it comes again.
    assert next(receiving).cursor == "1"


def slow(inbox: Inbox, renew_seconds: int = 60) -> list[str]:
    """Handles the first event for more than its lease of two seconds."""
    found = []
    taken = bus(inbox).inbox("sub_1")
    for received in taken.receive(lease_seconds=2, renew_seconds=renew_seconds):
        found.append(received.cursor)
        if len(found) == 1:
            time.sleep(2.7)
        if len(found) == 3:
            break
    return found


def test_a_lease_is_renewed_while_its_events_are_handled() -> None:
    inbox = Inbox(3)
    assert slow(inbox) == ["1", "2", "3"]
    assert inbox.extended[:3] == [("lease_1", 2)] * 3
    assert inbox.acknowledged == 2


def test_a_lease_that_is_lost_ends_what_it_covers() -> None:
    inbox = Inbox(3)
    inbox.extensions = iter([httpx.Response(409, json={"title": "Gone"})])
    assert slow(inbox) == ["1", "2", "3"]
    # Events that were not begun under the lost lease were taken again.
    assert inbox.acknowledgements == 2
    inbox = Inbox(3)
    inbox.extensions = iter([httpx.Response(503), httpx.Response(204)])
    assert slow(inbox) == ["1", "2", "3"]


def test_a_lease_is_not_renewed_for_ever() -> None:
    inbox = Inbox(3)
    assert slow(inbox, renew_seconds=0) == ["1", "2", "3"]
    assert inbox.extended == []


def test_a_lease_is_renewed_with_asyncio() -> None:
    inbox = Inbox(2)

    async def play() -> list[str]:
        client = AsyncEventBus("https://bus.example", transport=httpx.MockTransport(inbox))
        found = []
        async with aclosing(client.inbox("sub_1").receive(lease_seconds=1)) as events:
            async for received in events:
                found.append(received.cursor)
                if len(found) == 1:
                    await asyncio.sleep(1.2)
                else:
                    break
        return found

    assert asyncio.run(play()) == ["1", "2"]
    assert len(inbox.extended) >= 2
    assert inbox.acknowledged == 1
