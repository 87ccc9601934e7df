"""Latency and throughput of the bus next to a bare pipeline of the same hops, in one run.

On one machine both share the emulator, which limits both, so only the ratio is meaningful. Counting
and the audit log run separately and later, as on AWS. Run it with `python -m benchmarks.pipeline`;
it takes about three minutes. It uses plain HTTP for both, because the bare pipeline has no client,
and a client's time would count on one side only.
"""

import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.bare import pipeline as bare
from benchmarks.documented import compare
from benchmarks.receiver import receiving
from benchmarks.sharing import shared_later
from localstack.bus import LocalBus
from localstack.deployment import deploy
from localstack.emulator import Emulator

ROUNDS = 3
PACED = 40
"""Events of a round that are published one by one, for their latency."""

PACE_SECONDS = 0.2
"""The time between two of them: long enough that the last writes of one do not delay the next.
After a write without a waiting caller, the emulator polls its streams only 50 ms later.
"""

LOAD = 300
"""Events of a round that are published as fast as they are accepted, for the throughput."""

CLIENTS = 4
BATCH = 50
PATIENCE_SECONDS = 120.0
"""How long events of a round may take to arrive."""

_PAYLOAD = {"task_id": "task_123", "title": "Write the report", "priority": "high", "points": 5}


@dataclass
class Subject:
    """The bus or the bare pipeline.

    Attributes:
        name: Its name in the table.
        client: A client of its API.
        receiver: The URL of its receiver.
        batches: Whether it takes batches.
        latencies: The seconds from publish to receipt, of single events.
        accepted: The events a second that it accepted, by round.
        received: The events a second that were received, by round.
        batched: The events a second that it accepted in a batch, by round.
    """

    name: str
    client: httpx.Client
    receiver: str
    batches: bool
    latencies: list[float]
    accepted: list[float]
    received: list[float]
    batched: list[float]

    def publish(self) -> tuple[str, float]:
        """Publishes an event; returns its id and the start of the request."""
        event_id, begun = str(uuid.uuid4()), time.time()
        body = {"id": event_id, "type": "task.created", "payload": _PAYLOAD}
        answer = self.client.post("/events", json=body)
        if answer.status_code != 202:
            raise RuntimeError(f"{self.name} answered {answer.status_code}: {answer.text}")
        return event_id, begun

    def publish_batch(self) -> list[str]:
        """Publishes a batch; returns the ids."""
        ids = [str(uuid.uuid4()) for _ in range(BATCH)]
        body = [{"id": each, "type": "task.created", "payload": _PAYLOAD} for each in ids]
        answer = self.client.post("/events", json=body)
        if answer.status_code != 202:
            raise RuntimeError(f"{self.name} answered {answer.status_code}: {answer.text}")
        return ids

    def receipts(self, ids: set[str]) -> dict[str, float]:
        """Returns when each of these events was first received."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            receipts: dict[str, float] = httpx.get(self.receiver).json()
            if ids <= receipts.keys():
                return receipts
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} lost {len(ids - receipts.keys())} events")
            time.sleep(0.05)

    def measure(self) -> None:
        """Measures one round."""
        published: dict[str, float] = {}
        for _ in range(PACED):
            event_id, begun = self.publish()
            published[event_id] = begun
            time.sleep(PACE_SECONDS)
        receipts = self.receipts(set(published))
        self.latencies += [receipts[each] - begun for each, begun in published.items()]
        with ThreadPoolExecutor(CLIENTS) as clients:
            begun = time.time()
            ids = {event_id for event_id, _ in clients.map(lambda _: self.publish(), range(LOAD))}
            self.accepted.append(LOAD / (time.time() - begun))
            receipts = self.receipts(ids)
            self.received.append(LOAD / (max(receipts[each] for each in ids) - begun))
        if self.batches:
            begun = time.time()
            batch = self.publish_batch()
            self.batched.append(len(batch) / (time.time() - begun))
            self.receipts(set(batch))


def main() -> None:
    """Deploys both, measures them in turn, and prints the table."""
    console = Console()
    with tempfile.TemporaryDirectory() as directory, receiving() as ours, receiving() as theirs:
        emulator = Emulator.start(Path(directory), port=0)
        try:
            with console.status("Deploying the bus and the bare pipeline"):
                bus = deploy(emulator)
                subjects = [_bus(bus, ours), _bare(bus, theirs)]
            with shared_later(bus):
                _measure(console, subjects)
        finally:
            emulator.stop()
    _show(console, *subjects)


def _measure(console: Console, subjects: list[Subject]) -> None:
    for subject in subjects:
        subject.publish()
    for number in range(ROUNDS + 1):
        for subject in subjects:
            with console.status(f"Round {number} of {ROUNDS}: {subject.name}"):
                subject.measure()
            if number == 0:
                # The first round only starts the functions.
                _forget(subject)


def _subject(name: str, client: httpx.Client, receiver: str, *, batches: bool) -> Subject:
    return Subject(name, client, receiver, batches, [], [], [], [])


def _forget(subject: Subject) -> None:
    for measured in (subject.latencies, subject.accepted, subject.received, subject.batched):
        measured.clear()


def _bus(bus: LocalBus, receiver: str) -> Subject:
    client = httpx.Client(
        base_url=bus.api_url, headers={"x-api-key": bus.admin_api_key}, timeout=60
    )
    answer = client.post(
        "/subscriptions",
        json={
            "service_id": "receiver",
            "name": "The benchmark's receiver",
            "event_types": ["task.*"],
            "filters": {"task.*": {"priority": ["high"]}},
            "callback_url": receiver,
        },
    )
    answer.raise_for_status()
    return _subject("the bus", client, receiver, batches=True)


def _bare(bus: LocalBus, receiver: str) -> Subject:
    client = httpx.Client(base_url=bare.deploy(bus, receiver), timeout=60)
    return _subject("bare pipeline", client, receiver, batches=False)


def _show(console: Console, ours: Subject, floor: Subject) -> None:
    table = Table(title="The bus next to a bare pipeline of the same hops")
    for column in ("", ours.name, floor.name, "ratio"):
        table.add_column(column, justify="right" if column else "left")

    ratios: dict[str, float] = {}

    def row(
        name: str, unit: str, value_of: Callable[[Subject], float], *, more_is_better: bool = False
    ) -> None:
        values = value_of(ours), value_of(floor)
        ratio = values[1] / values[0] if more_is_better else values[0] / values[1]
        ratios[name] = ratio
        table.add_row(name, *(f"{value:,.0f} {unit}" for value in values), f"{ratio:.2f} x")

    row("publish to receipt, p50", "ms", lambda each: 1000 * statistics.median(each.latencies))
    row("publish to receipt, p99", "ms", lambda each: 1000 * _p99(each.latencies))
    row(
        f"accepted, {CLIENTS} clients",
        "events/s",
        lambda each: statistics.median(each.accepted),
        more_is_better=True,
    )
    row(
        f"received, {CLIENTS} clients",
        "events/s",
        lambda each: statistics.median(each.received),
        more_is_better=True,
    )
    batched = statistics.median(ours.batched)
    table.add_row(f"accepted, one client, batches of {BATCH}", f"{batched:,.0f} events/s", "", "")
    console.print(table)
    console.print("A ratio of 1 is the floor; more is slower than the floor.")
    compare(console, "pipeline", ratios)


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


if __name__ == "__main__":
    main()
