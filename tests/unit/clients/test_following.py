"""Following an inbox over a WebSocket: whatever breaks, each event comes once, in order."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import aclosing, closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from event_bus_client import (
    AsyncEventBus,
    ConfigurationError,
    EventBus,
    Forbidden,
    NotFound,
    Received,
)
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from tests.waiting import PATIENCE_SECONDS, at_most, join

AT = "2026-05-01T12:00:00.000Z"
MINE = "sub_1"


@dataclass
class SocketBus:
    """A bus of one inbox over WebSockets, which breaks connections where it is told to.

    Attributes:
        count: How many events are in the inbox.
        breaks: The places after which a connection is cut, each once.
        refusals: Statuses that the next connections are refused with.
        errors: Problems that the next subscriptions are answered with.
    """

    count: int
    breaks: list[int] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    large: frozenset[int] = frozenset()
    acknowledged: int = 0
    acknowledgements: int = 0
    cursors: list[str | None] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    acked: threading.Condition = field(default_factory=threading.Condition)

    def check(self, connection: ServerConnection, request: Request) -> Response | None:
        self.keys.append(request.headers.get("x-api-key"))
        if self.refusals:
            return connection.respond(self.refusals.pop(0), "")
        return None

    def serve(self, connection: ServerConnection) -> None:
        for text in connection:
            message = json.loads(text)
            if message["action"] == "subscribe":
                # A client that has gone may have sent acknowledgements before.
                with suppress(ConnectionClosed):
                    self.subscribe(connection, message)
            elif message["action"] == "ack":
                with self.acked:
                    place = int(message["cursor"])
                    assert self.acknowledged <= place
                    self.acknowledged = place
                    self.acknowledgements += 1
                    self.acked.notify_all()

    def subscribe(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        self.cursors.append(message.get("cursor"))
        if self.errors:
            error = {"type": "error", "ref": message["ref"], "error": self.errors.pop(0)}
            connection.send(json.dumps(error))
            return
        begun = int(message.get("cursor", self.acknowledged))
        told = {"type": "subscribed", "subscription_id": MINE, "cursor": str(begun)}
        connection.send(json.dumps(told | {"ref": message["ref"]}))
        # A crashed function sends again what it has sent.
        for first in range(max(1, begun - 1), self.count + 1, 3):
            places = range(first, min(first + 3, self.count + 1))
            items = [self.item(place, large=place in self.large) for place in places]
            connection.send(json.dumps({"type": "events", "items": items}))
            if self.breaks and places[-1] >= self.breaks[0]:
                self.breaks.pop(0)
                connection.socket.shutdown(socket.SHUT_RDWR)
                return

    @staticmethod
    def item(place: int, *, large: bool = False) -> dict[str, Any]:
        made = {"id": f"e{place}", "type": "order.placed", "source": "shop", "timestamp": AT}
        payload = None if large else {"n": place}
        return {
            "cursor": str(place),
            "delivery_id": f"d{place}",
            "event": {**made, "payload": payload, "metadata": {}},
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Reads one event whole, over HTTP."""
        place = int(request.url.params["cursor"]) + 1
        return httpx.Response(200, json={"items": [self.item(place)], "cursor": str(place)})


@contextmanager
def running(bus: SocketBus) -> Iterator[str]:
    """The URL of a bus."""
    with serve(bus.serve, "127.0.0.1", 0, process_request=bus.check) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        host, port = server.socket.getsockname()[:2]
        yield f"ws://{host}:{port}"
        server.shutdown()


def follow(bus: SocketBus, url: str, count: int, **options: Any) -> list[Received]:
    """The first events that the client without asyncio yields."""
    client = EventBus(
        "http://bus.example",
        "ebk_1",
        websocket_url=url,
        transport=httpx.MockTransport(bus.answer),
    )
    inbox = client.inbox(MINE)
    found = []
    with (
        closing(inbox.follow(**options)) as events,
        at_most(PATIENCE_SECONDS, inbox.stop, f"{count} events"),
    ):
        for received in events:
            found.append(received)
            if len(found) == count:
                inbox.stop()
    return found


def follow_with_asyncio(bus: SocketBus, url: str, count: int) -> list[Received]:
    """The first events that the client for asyncio yields."""

    async def play() -> list[Received]:
        transport = httpx.MockTransport(bus.answer)
        client = AsyncEventBus(
            "http://bus.example", "ebk_1", websocket_url=url, transport=transport
        )
        inbox = client.inbox(MINE)
        found = []
        async with aclosing(inbox.follow()) as events:
            async for received in events:
                found.append(received)
                if len(found) == count:
                    inbox.stop()
        return found

    return asyncio.run(asyncio.wait_for(play(), PATIENCE_SECONDS))


def places(found: list[Received]) -> list[int]:
    return [int(each.cursor) for each in found]


@pytest.mark.parametrize("followed", [follow, follow_with_asyncio])
def test_each_event_comes_once_however_often_the_connection_breaks(followed: Any) -> None:
    bus = SocketBus(40, breaks=[4, 11, 12, 30], refusals=[503, 429])
    with running(bus) as url:
        found = followed(bus, url, 40)
    assert places(found) == list(range(1, 41))
    assert bus.acknowledged == 40
    assert bus.cursors[0] is None
    assert len(bus.cursors) == 5
    assert set(bus.keys) == {"ebk_1"}


def test_a_broken_connection_keeps_no_thread() -> None:
    before = set(threading.enumerate())
    bus = SocketBus(9, breaks=[3, 6])
    with running(bus) as url:
        assert places(follow(bus, url, 9)) == list(range(1, 10))
        loops = [each for each in threading.enumerate() if each.name == "event-bus-loop"]
        join(*(set(loops) - before))


def test_acknowledgements_go_out_together() -> None:
    bus = SocketBus(100)
    with running(bus) as url:
        assert len(follow(bus, url, 100)) == 100
    assert bus.acknowledged == 100
    assert bus.acknowledgements <= 8


def test_unhandled_events_go_to_the_next_consumer() -> None:
    bus = SocketBus(9)
    with running(bus) as url:
        client = EventBus("http://bus.example", websocket_url=url)
        inbox = client.inbox(MINE)
        with (
            closing(inbox.follow()) as events,
            at_most(PATIENCE_SECONDS, inbox.stop, "4 events"),
        ):
            for received in events:
                if received.cursor == "4":
                    break
        with bus.acked:
            assert bus.acked.wait_for(lambda: bus.acknowledged == 3, 10)
        assert places(follow(bus, url, 6)) == [4, 5, 6, 7, 8, 9]


def test_a_cursor_says_where_to_begin() -> None:
    bus = SocketBus(9)
    with running(bus) as url:
        assert places(follow(bus, url, 4, cursor="5")) == [6, 7, 8, 9]
    assert bus.cursors == ["5"]


def test_an_event_too_large_for_a_message_is_read_over_http() -> None:
    bus = SocketBus(3, large=frozenset({2}))
    with running(bus) as url:
        found = follow(bus, url, 3)
    assert [each.event.payload for each in found] == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_a_refusal_is_raised() -> None:
    bus = SocketBus(1, refusals=[403])
    with running(bus) as url, pytest.raises(Forbidden):
        follow(bus, url, 1)
    gone = {"type": "urn:event-bus:problem:not-found", "title": "There is none", "status": 404}
    bus = SocketBus(1, errors=[gone])
    with running(bus) as url, pytest.raises(NotFound):
        follow(bus, url, 1)


def test_a_failure_of_the_bus_is_waited_out() -> None:
    failing = {"type": "urn:event-bus:problem:unavailable", "title": "Later", "status": 503}
    bus = SocketBus(2, errors=[failing, failing])
    with running(bus) as url:
        assert places(follow(bus, url, 2)) == [1, 2]


def test_stopping_ends_a_consumer_that_waits() -> None:
    with running(SocketBus(0)) as url:
        inbox = EventBus("http://bus.example", websocket_url=url).inbox(MINE)
        found: list[Received] = []
        waiting = threading.Thread(target=lambda: found.extend(inbox.follow()))
        waiting.start()
        inbox.stop()
        waiting.join(10)
        assert not waiting.is_alive()
    assert found == []


def test_without_a_url_the_setting_is_named() -> None:
    with pytest.raises(ConfigurationError, match="EVENT_BUS_WEBSOCKET_URL"):
        next(EventBus("http://bus.example").inbox(MINE).follow())
    with pytest.raises(ConfigurationError, match="wss://"):
        EventBus("http://bus.example", websocket_url="https://bus.example")
