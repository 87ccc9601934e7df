"""The time of an append with several writers on one stream, next to the bare transaction.

`python -m benchmarks.contention` prints it. The tables are moto's, in this process. Each call takes
several milliseconds more, as over a network. Moto carries out one request at a time and has no
conflicts between running transactions, so writers conflict only by versions.
"""

import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from event_bus.model.event import Event
from event_bus.model.stream_name import StreamName
from event_bus.requests.event import EventSubmission, accept
from event_bus.requests.validation import read
from event_bus.stores.events import EventStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.refusals import Refused
from event_bus.stores.streams import StreamEntry, StreamStore
from event_bus.stores.table import Table
from event_bus.stores.transactions import transact
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from infra.tables import EVENTS, STREAMS
from tests.tables import create

WRITERS = (1, 2, 8, 32)
EVENTS_EACH = 8
NETWORK_SECONDS = 0.004
STREAM = StreamName("shop", "order/1")


@dataclass(frozen=True)
class Measured:
    """The measurements of competing writers.

    Attributes:
        seconds: How long the append of each stored event took.
        refused: How many events were refused.
        whole: How long all appends took together, in seconds.
    """

    seconds: list[float]
    refused: int
    whole: float

    def row(self, name: str, writers: int) -> str:
        """Returns a row of the table."""
        ordered = sorted(self.seconds)
        most = ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
        return (
            f"{name:<18}{writers:>8}{len(ordered) / self.whole:>10.0f}"
            f"{1000 * statistics.median(ordered):>10.0f}{1000 * most:>10.0f}{self.refused:>10}"
        )


def main() -> None:
    """Measures and prints."""
    print(
        f"{'append':<18}{'writers':>8}{'events/s':>10}{'p50 ms':>10}{'p99 ms':>10}{'refused':>10}"
    )
    for writers in WRITERS:
        for name, made in (("of the bus", _by_the_bus), ("bare transaction", _bare)):
            with _tables() as store:
                print(_measured(made(store), writers).row(name, writers), flush=True)


def _measured(put: Callable[[Event], None], writers: int) -> Measured:
    seconds: list[float] = []
    refused: list[str] = []

    def write(writer: int) -> None:
        for number in range(EVENTS_EACH):
            sent = {
                "id": f"evt_{writer}_{number}",
                "type": "order.changed",
                "payload": {"n": number},
                "stream": {"id": STREAM.stream_id},
            }
            event = accept(read(EventSubmission, sent), STREAM.source)
            start = time.monotonic()
            try:
                put(event)
            except TimeoutError:
                refused.append(event.id)
            else:
                seconds.append(time.monotonic() - start)

    start = time.monotonic()
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    return Measured(seconds, len(refused), time.monotonic() - start)


def _by_the_bus(store: EventStore) -> Callable[[Event], None]:
    def put(event: Event) -> None:
        store.put(event, 1)

    return put


def _bare(store: EventStore) -> Callable[[Event], None]:
    """Makes the same two writes, and repeats them at once until they succeed."""
    streams = store.streams
    assert streams

    def put(event: Event) -> None:
        while True:
            version = streams.last_version(STREAM) + 1
            entry = StreamEntry(version, event.id, event.created_at)
            parts = streams.adding_parts(STREAM, [entry], listed=True)
            try:
                transact([store.adding_part(event, 1), *parts])
            except Refused:
                continue
            return

    return put


@contextmanager
def _tables() -> Iterator[EventStore]:
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    lock, process = threading.Lock(), BotocoreStubber.process_request

    def far(stubber: BotocoreStubber, request: AWSPreparedRequest) -> Any:
        time.sleep(NETWORK_SECONDS / 2)
        with lock:
            answer = process(stubber, request)
        time.sleep(NETWORK_SECONDS / 2)
        return answer

    BotocoreStubber.process_request = far  # type: ignore[assignment,method-assign]
    try:
        with mock_aws():
            config = Config(max_pool_connections=64)
            client = boto3.client("dynamodb", region_name="us-east-1", config=config)
            for table in (EVENTS, STREAMS):
                create(client, table, table.name)
            payloads = PayloadStore(None, "")  # type: ignore[arg-type]
            yield EventStore(
                Table(client, "events"), payloads, StreamStore(Table(client, "streams"))
            )
    finally:
        BotocoreStubber.process_request = process  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
