"""The network between the real client and the bus in memory: requests and WebSockets."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from anyio import sleep

from event_bus_client.config import Config
from event_bus_client.errors import ConnectionFailed, Problem, ServerError
from event_bus_client.testing.problems import document, refusal
from event_bus_client.testing.store import Store
from event_bus_client.testing.submissions import Document

_LOOK_SECONDS = 0.005
"""How often a task looks whether there is something to answer."""

_LOOK_AGAIN_SECONDS = 0.05
"""How often a thread looks without a notification."""

_MOST_PUSHED = 10


@dataclass(frozen=True)
class Later:
    """An answer that waits.

    Attributes:
        ready: Whether there is something to answer.
        seconds: The longest wait.
        answer: Makes the answer, after the wait.
    """

    ready: Callable[[], bool]
    seconds: float
    answer: Callable[[], httpx.Response]


@dataclass
class Outage:
    """Whether the bus fails now.

    Attributes:
        status: The status of all answers; 0 gives no answer, None is no outage.
    """

    status: int | None = None

    def check(self) -> None:
        """Fails while there is an outage.

        Raises:
            ConnectionFailed: There is no answer.
            ServerError: The answer is a failure.
        """
        if self.status == 0:
            raise ConnectionFailed("the bus in memory has an outage")
        if self.status is not None:
            raise ServerError(kind="unavailable", status=self.status, title="An outage", detail="")


Respond = Callable[[httpx.Request], httpx.Response | Later]


class MemoryTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Hands requests to the bus in memory.

    Attributes:
        outage: Whether the bus fails at present.
    """

    def __init__(self, store: Store, respond: Respond, outage: Outage) -> None:
        """Connects to a bus in memory.

        Args:
            store: The content of the bus.
            respond: Answers requests.
            outage: Whether the bus fails at present.
        """
        self._store = store
        self._respond = respond
        self.outage = outage

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answers a request; it may block."""
        request.read()
        answer = self._answer(request)
        if isinstance(answer, httpx.Response):
            return answer
        _wait(self._store, answer.ready, answer.seconds)
        return answer.answer()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answers a request; other tasks run meanwhile."""
        await request.aread()
        answer = self._answer(request)
        if isinstance(answer, httpx.Response):
            return answer
        until = time.monotonic() + answer.seconds
        while not answer.ready() and time.monotonic() < until:
            await sleep(_LOOK_SECONDS)
        return answer.answer()

    def _answer(self, request: httpx.Request) -> httpx.Response | Later:
        try:
            self.outage.check()
            return self._respond(request)
        except ConnectionFailed as failure:
            raise httpx.ConnectError(str(failure), request=request) from failure
        except Problem as problem:
            return refusal(problem)


class BlockingTransport(MemoryTransport):
    """For the client without asyncio."""

    def connect(self, _: Config) -> "MemoryConnection":
        """Opens a WebSocket."""
        self.outage.check()
        return MemoryConnection(self._store, self.outage)


class AsyncioTransport(MemoryTransport):
    """For the client with asyncio."""

    async def connect(self, _: Config) -> "AsyncMemoryConnection":
        """Opens a WebSocket."""
        self.outage.check()
        return AsyncMemoryConnection(self._store, self.outage)


def _wait(store: Store, ready: Callable[[], bool], seconds: float) -> None:
    """Blocks until something is there. A deadline notifies nobody, so it also looks by itself."""
    until = time.monotonic() + seconds
    with store.lock:
        while not ready() and (left := until - time.monotonic()) > 0:
            store.lock.wait(min(left, _LOOK_AGAIN_SECONDS))


class _BusSide:
    """The side of the bus of one WebSocket."""

    def __init__(self, store: Store, outage: Outage) -> None:
        self.store = store
        self.outage = outage
        self._answers: list[Document] = []
        self._followed: str | None = None
        self._place = 0

    def take(self, message: dict[str, Any]) -> None:
        """Takes a message of the client."""
        self.outage.check()
        with self.store.lock:
            if message["action"] == "ping":
                self._answers.append({"type": "pong"})
            elif message["action"] == "ack":
                found = self.store.subscription(message["subscription_id"])
                found.acknowledged = max(found.acknowledged, int(message["cursor"]))
            else:
                self._subscribe(message)
            self.store.lock.notify_all()

    def next(self) -> dict[str, Any] | None:
        """Returns the next message of the bus, if there is one."""
        self.outage.check()
        with self.store.lock:
            if self._answers:
                return self._answers.pop(0)
            found = self.store.subscriptions.get(self._followed or "")
            if found is None or found.paused:
                return None
            items = self.store.items(found, self._place, _MOST_PUSHED)
            if not items:
                return None
            self._place = int(items[-1]["cursor"])
            return {"type": "events", "subscription_id": found.id, "items": items}

    def _subscribe(self, message: dict[str, Any]) -> None:
        answer: Document = {"ref": message.get("ref")}
        try:
            found = self.store.subscription(message["subscription_id"])
        except Problem as problem:
            self._answers.append({**answer, "type": "error", "error": document(problem)})
            return
        self._followed = found.id
        self._place = int(message.get("cursor", found.acknowledged))
        answer |= {"type": "subscribed", "subscription_id": found.id, "cursor": str(self._place)}
        self._answers.append(answer)


class MemoryConnection:
    """A WebSocket to the bus in memory, without asyncio."""

    def __init__(self, store: Store, outage: Outage) -> None:
        """Opens the connection."""
        self._bus = _BusSide(store, outage)

    def send(self, message: dict[str, Any]) -> None:
        """Sends a message."""
        self._bus.take(message)

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """Returns the next message; None if none comes in time."""
        messages: list[dict[str, Any]] = []

        def ready() -> bool:
            if (message := self._bus.next()) is not None:
                messages.append(message)
            return bool(messages)

        _wait(self._bus.store, ready, seconds)
        return messages[0] if messages else None

    def close(self) -> None:
        """Closes the connection."""


class AsyncMemoryConnection:
    """A WebSocket to the bus in memory, with asyncio."""

    def __init__(self, store: Store, outage: Outage) -> None:
        """Opens the connection."""
        self._bus = _BusSide(store, outage)

    async def send(self, message: dict[str, Any]) -> None:
        """Sends a message."""
        self._bus.take(message)

    async def receive(self, seconds: float) -> dict[str, Any] | None:
        """Returns the next message; None if none comes in time."""
        until = time.monotonic() + seconds
        while (message := self._bus.next()) is None and time.monotonic() < until:
            await sleep(_LOOK_SECONDS)
        return message

    async def aclose(self) -> None:
        """Closes the connection."""
