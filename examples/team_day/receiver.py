"""Where the services are called back: one real HTTP server that checks every signature."""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from standardwebhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True)
class Receipt:
    """An event as a service received it.

    Attributes:
        service_id: The service.
        event: The event.
        at: When, in seconds of the wall clock.
    """

    service_id: str
    event: dict[str, Any]
    at: float


@dataclass
class Receiver:
    """Takes deliveries for all services, each at a path of its own.

    Attributes:
        url: The root of its URLs.
        secrets: The signing secret of each service's subscription.
        receipts: What came with a good signature.
        refused: How many requests had a bad one.
    """

    url: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    receipts: "queue.SimpleQueue[Receipt]" = field(default_factory=queue.SimpleQueue)
    refused: int = 0

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Takes a request.

        Returns:
            The status to answer with.
        """
        now, service_id = time.time(), path.strip("/")
        try:
            Webhook(self.secrets[service_id]).verify(body, headers)
        except (KeyError, WebhookVerificationError):
            self.refused += 1
            return 401
        self.receipts.put(Receipt(service_id, orjson.loads(body), now))
        return 204


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens on a free port of this machine, until the end of the block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.take(self.path, headers, body))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The screen tells what came."""

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
