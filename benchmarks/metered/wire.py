"""A proxy between the functions and the emulator that counts every request to AWS.

Each function has an endpoint of its own, `http://…/{function}`, which tells the proxy who sends a
request. The proxy changes one thing: it asks DynamoDB for the capacity that a request consumes
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html).
"""

import json
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3

_READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan"})
_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"})
_SERVICES = {
    "DynamoDB_20120810": "DynamoDB",
    "AmazonSQS": "SQS",
    "TrentService": "KMS",
    "secretsmanager": "Secrets Manager",
}
_READ_BYTES = 4096
_CHUNK_BYTES = 65_536
_HOP = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Call:
    """One request to AWS.

    Attributes:
        function: The function that made it.
        service: The service.
        operation: The operation.
        began: When it was made, in seconds of the monotonic clock.
        ended: When it was answered, in seconds of the monotonic clock.
        chunks: Its size in pieces of 64 KiB, by which SQS charges.
        written: Write units of DynamoDB, by table or index.
        read: Read units of DynamoDB, by table or index.
    """

    function: str
    service: str
    operation: str
    began: float
    ended: float
    chunks: int
    written: Mapping[str, float]
    read: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer.

    Attributes:
        function: The function that made it.
        method: Its method.
        target: The service and operation that it names; empty for a request to S3.
        asked: The body of the request, as JSON.
        answered: The body of the answer, as JSON.
        size: The bytes of the request's body.
        began: When it was made, in seconds of the monotonic clock.
    """

    function: str
    method: str
    target: str
    asked: Any
    answered: Any
    size: int
    began: float


@dataclass(slots=True)
class Wire:
    """The recorded calls.

    Attributes:
        tables: What each table is called in the results, by its name.
        url: The endpoint for the functions.
    """

    tables: dict[str, str] = field(default_factory=dict)
    url: str = ""
    _calls: list[Call] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def calls(self) -> list[Call]:
        """Returns the calls so far."""
        with self._lock:
            return list(self._calls)

    def take(self) -> list[Call]:
        """Returns the calls since the last call of this method."""
        with self._lock:
            taken, self._calls = self._calls, []
            return taken

    def rest(self, seconds: float) -> None:
        """Waits until there was no call for some time.

        Args:
            seconds: How long.
        """
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < seconds:
            time.sleep(0.02)
            if (now := len(self.calls())) != seen:
                seen, since = now, time.monotonic()

    def note(self, exchange: Exchange) -> None:
        """Counts a request that was answered."""
        prefix, _, operation = exchange.target.rpartition(".")
        service = _SERVICES.get(prefix, prefix) or "S3"
        written: Mapping[str, float] = {}
        read: Mapping[str, float] = {}
        if service == "DynamoDB" and operation in _WRITES:
            written = self._written(exchange.answered)
        elif service == "DynamoDB" and operation in _READS:
            read = self._read(operation, exchange.asked, exchange.answered)
        call = Call(
            exchange.function,
            service,
            operation or exchange.method,
            exchange.began,
            time.monotonic(),
            max(1, math.ceil(exchange.size / _CHUNK_BYTES)),
            written,
            read,
        )
        with self._lock:
            self._calls.append(call)

    def _written(self, answered: Any) -> dict[str, float]:
        consumed = answered.get("ConsumedCapacity", [])
        units: Counter[str] = Counter()
        for each in consumed if isinstance(consumed, list) else [consumed]:
            table = self._table(each["TableName"])
            indexes = each.get("GlobalSecondaryIndexes", {})
            of_indexes = {name: used["CapacityUnits"] for name, used in indexes.items()}
            units[table] += each["CapacityUnits"] - sum(of_indexes.values())
            for name, used in of_indexes.items():
                units[f"{table}.{name}"] += used
        return dict(units)

    def _read(self, operation: str, asked: Any, answered: Any) -> dict[str, float]:
        """Returns read units by the sizes of items; the emulator counts each item as a small one.

        An item that does not exist costs as much as a small one.
        """
        if operation == "BatchGetItem":
            units = {}
            for name, wanted in asked["RequestItems"].items():
                found = [_size(item) for item in answered["Responses"].get(name, [])]
                found += [0] * (len(wanted["Keys"]) - len(found))
                factor = 1.0 if wanted.get("ConsistentRead") else 0.5
                units[self._table(name)] = factor * sum(map(_blocks, found))
            return units
        factor = 1.0 if asked.get("ConsistentRead") else 0.5
        name = ".".join(filter(None, (self._table(asked["TableName"]), asked.get("IndexName"))))
        items = [answered["Item"]] if "Item" in answered else answered.get("Items", [])
        if answered.get("ScannedCount", len(items)) != len(items):
            raise ValueError(
                "DynamoDB charges items that a filter left out; their size is not known"
            )
        return {name: factor * _blocks(sum(map(_size, items)))}

    def _table(self, name: str) -> str:
        return self.tables.get(name, name)


def _blocks(size: int) -> int:
    return max(1, math.ceil(size / _READ_BYTES))


def _size(item: Any) -> int:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    return sum(
        len(name.encode()) + len(str(value).encode())
        for name, typed in item.items()
        for value in typed.values()
    )


@contextmanager
def counting(upstream: str) -> Iterator[Wire]:
    """Runs the proxy until the end of the block.

    Args:
        upstream: The emulator's URL.
    """
    wire = Wire()
    pool = urllib3.PoolManager(maxsize=64, retries=False)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Otherwise an answer waits for the acknowledgement of the packet before it.
        disable_nagle_algorithm = True

        def _pass_on(self) -> None:
            began = time.monotonic()
            function, _, path = self.path.removeprefix("/").partition("/")
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            target = self.headers.get("x-amz-target", "")
            asked = json.loads(body) if target and body else {}
            size = len(body)
            if target.startswith("DynamoDB"):
                body = json.dumps({**asked, "ReturnConsumedCapacity": "INDEXES"}).encode()
            headers = {
                name: value for name, value in self.headers.items() if name.lower() not in _HOP
            }
            answer = pool.request(self.command, f"{upstream}/{path}", body=body, headers=headers)
            answered = json.loads(answer.data) if target and answer.data else {}
            wire.note(Exchange(function, self.command, target, asked, answered, size, began))
            self.send_response(answer.status)
            for header, value in answer.headers.items():
                if header.lower() not in _HOP:
                    self.send_header(header, value)
            self.send_header("content-length", str(len(answer.data)))
            self.end_headers()
            self.wfile.write(answer.data)

        do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = _pass_on  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    wire.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()
