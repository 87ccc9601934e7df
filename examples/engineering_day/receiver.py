"""The subscribers' side: one HTTP server on this machine, with an inbox for each service."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from event_bus_client import SignatureError, Webhook

TakeEvent = Callable[[dict[str, Any]], None]
"""Handles an event with a valid signature."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """Receives the events of one subscription.

    Attributes:
        secret: The subscription's signing secret.
        take: Handles each event; it must return quickly, because the answer waits for it.
    """

    secret: str
    take: TakeEvent


@dataclass
class Receiver:
    """The inboxes by their paths; they accept only events with a valid signature.

    Attributes:
        url: The server's URL.
        refused: What was wrong with each request without a valid signature.
    """

    url: str = ""
    refused: list[str] = field(default_factory=list)
    _inboxes: dict[str, Inbox] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, path: str, inbox: Inbox) -> None:
        """Opens an inbox.

        Args:
            path: Its path, such as `/notification_service`.
            inbox: The inbox.
        """
        self._inboxes[path] = inbox

    def receive(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Handles a request.

        Returns:
            The status of the answer: 204 for an accepted event.
        """
        inbox = self._inboxes.get(path)
        if inbox is None:
            # The inbox is not open yet; the bus will try again.
            return 503
        try:
            Webhook(inbox.secret).check(headers, body)
        except SignatureError as error:
            with self._lock:
                self.refused.append(f"{path}: {error}")
            return 401
        inbox.take(json.loads(body))
        return 204


@contextmanager
def listening() -> Iterator[Receiver]:
    """Runs a receiver on a free port until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Otherwise an answer waits until its headers are acknowledged, which adds to the times.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.receive(self.path, headers, body))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Logs nothing: the screen shows what arrives."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
