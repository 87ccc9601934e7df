"""A subscriber: an HTTP server on this machine that keeps its requests."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from standardwebhooks import Webhook

from tests.http_server import HttpAnswer, HttpRequest, serving
from tests.waiting import PATIENCE_SECONDS


@dataclass(frozen=True, slots=True)
class Delivered:
    """One request that a receiver got."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = orjson.loads(self.body)
        return event

    def verify(self, secret: str) -> None:
        """Checks the signature with an independent library."""
        Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """Keeps requests, and answers each as `respond` says for the count so far.

    Requests that it answers with a success are also kept in the order of the answers. An echoing
    receiver answers with the body of the request.
    """

    respond: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (204, {})
    echoes: bool = False
    hold: threading.Event = field(default_factory=threading.Event)
    requests: list[Delivered] = field(default_factory=list)
    acknowledged: list[Delivered] = field(default_factory=list)
    url: str = ""
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.hold.set()

    def take(self, request: Delivered) -> tuple[int, dict[str, str]]:
        with self._changed:
            self.requests.append(request)
            count = len(self.requests)
            self._changed.notify_all()
        self.hold.wait(PATIENCE_SECONDS)
        status, headers = self.respond(count)
        if status < 300:
            with self._changed:
                self.acknowledged.append(request)
        return status, headers

    def wait_for(self, count: int, seconds: float = PATIENCE_SECONDS) -> list[Delivered]:
        """Waits for a number of requests, and returns them."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self.requests) >= count, seconds)
            assert enough, f"{len(self.requests)} of {count} requests came within {seconds:g} s"
            return list(self.requests)

    def wait_for_event(self, event_id: str) -> Delivered:
        """Waits for the request with an event, and returns it."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._of(event_id) is not None, PATIENCE_SECONDS)
        found = self._of(event_id)
        assert found
        return found

    def event_ids(self) -> list[str]:
        return [request.event["id"] for request in self.requests]

    def _of(self, event_id: str) -> Delivered | None:
        return next((each for each in self.requests if each.event["id"] == event_id), None)


@contextmanager
def receiving(
    respond: Callable[[int], tuple[int, dict[str, str]]] | None = None,
) -> Iterator[Receiver]:
    """A receiver that listens on a free port, until the end of the block."""
    receiver = Receiver(respond) if respond else Receiver()

    def answer(asked: HttpRequest) -> HttpAnswer:
        status, headers = receiver.take(Delivered(asked.path, asked.headers, asked.body))
        return HttpAnswer(status, asked.body if receiver.echoes else b"", headers)

    with serving(answer) as url:
        receiver.url = f"{url}/events"
        try:
            yield receiver
        finally:
            receiver.hold.set()


_REST = 4
"""How long `eventually` rests after a check, as a multiple of the time that the check took."""


def eventually(check: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Repeats a check until its result is true, and returns this result.

    A check may occupy several processes: that of the emulator, of an authorizer and of a function.
    So a check that takes long is repeated less often, as is one that has failed for long.
    """
    began = started = time.monotonic()
    while not (result := check()):
        now = time.monotonic()
        assert now - began < seconds, f"it did not become true within {seconds:g} s"
        time.sleep(min(0.05 + (now - began) / 10 + _REST * (now - started), 1.0))
        started = time.monotonic()
    return result
