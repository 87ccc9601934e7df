"""A small bus over HTTP on this machine: it stores what is published, and has one inbox of it."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

AT = "2026-05-01T12:00:00.000Z"


class HttpBus:
    """What a bus stores, and one inbox of it all."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] = {}
        self.repeated = 0
        self.acknowledged = 0
        self.failing = False
        self.lock = threading.Lock()

    def publish(self, event: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            if event["id"] in self.stored:
                assert self.stored[event["id"]] == event
                self.repeated += 1
            self.stored[event["id"]] = event
        answer = {name: event[name] for name in ("id", "type")}
        return {**answer, "source": "shop", "timestamp": AT, "created_at": AT, "status": 202}

    def taken(self, limit: int) -> dict[str, Any]:
        events = list(self.stored.values())[self.acknowledged : self.acknowledged + limit]
        items = [
            {
                "cursor": str(place),
                "delivery_id": event["id"],
                "event": {**event, "source": "shop", "timestamp": AT},
            }
            for place, event in enumerate(events, self.acknowledged + 1)
        ]
        return {"items": items, "cursor": "0", "lease": "lease_1"}


class Handler(BaseHTTPRequestHandler):
    """Answers for the bus of its server."""

    protocol_version = "HTTP/1.1"
    # Otherwise a body waits for the receipt of its headers, up to 40 ms.
    disable_nagle_algorithm = True

    @property
    def bus(self) -> HttpBus:
        return cast("HttpBusServer", self.server).bus

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.bus.failing:
            self.answer(503, {"title": "Later", "status": 503})
        elif isinstance(body, list):
            results = [self.bus.publish(each) for each in body]
            self.answer(202, {"accepted": len(body), "refused": 0, "results": results})
        elif "lease" in body:
            self.bus.acknowledged = max(self.bus.acknowledged, int(body.get("cursor", 0)))
            self.answer(204, None)
        else:
            self.answer(202, self.bus.publish(body))

    def do_GET(self) -> None:
        self.answer(200, self.bus.taken(10))

    def answer(self, status: int, document: Any) -> None:
        content = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        pass


class HttpBusServer(ThreadingHTTPServer):
    """Serves a bus. That connections are cut is what these tests are about."""

    def __init__(self, bus: HttpBus, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.bus = bus

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError | ValueError):
            super().handle_error(request, client_address)


@contextmanager
def serving(bus: HttpBus, port: int = 0) -> Iterator[int]:
    """A server of the bus; its port."""
    with HttpBusServer(bus, port) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
