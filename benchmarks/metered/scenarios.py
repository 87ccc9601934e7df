"""The measured scenarios: single events and batches, for one subscriber and for five."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any
from unittest import mock

import boto3
import httpx
from event_bus.maintenance.unrouted import GRACE_SECONDS, UnroutedSweep
from event_bus.queues.unroutable import UnroutableQueue
from event_bus.stores.cursors import CursorStore
from event_bus.stores.event_items import ODD_SECONDS
from event_bus.stores.events import EventStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.routings import RoutingStore
from event_bus.stores.table import Table

from benchmarks.metered.bus import Invocation, MeteredBus
from benchmarks.metered.wire import Call
from localstack.emulator import CREDENTIALS

BATCH = 100
"""How many events a batch holds: the most that a request may have."""

SWEEP = "sweep-later"
"""The name under which the sweeper's reads of published events are counted."""

_KEY = "the-key-of-the-benchmark"
_PAYLOAD = {
    "task_id": "task_123",
    "title": "Write the report",
    "description": "Sum up what the team found out about the outage of last week, what led to it, "
    "and what is to be done so that it does not happen again; two pages at most.",
    "priority": "high",
    "points": 5,
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """Events that are published in one way.

    Attributes:
        name: Its name in tables.
        domain: The first segment of its types.
        fan_out: How many subscriptions want each event.
        batched: Whether they are published in batches of `BATCH`, or one at a time.
        events: How many are published.
    """

    name: str
    domain: str
    fan_out: int
    batched: bool
    events: int

    def requests(self) -> Iterator[Any]:
        """Yields the bodies of the requests that publish them."""
        for place in range(self.events // BATCH if self.batched else self.events):
            number = BATCH if self.batched else 1
            events = [
                {
                    "type": f"{self.domain}.created",
                    "payload": _PAYLOAD,
                    "metadata": {"correlation_id": f"run-{self.domain}-{self.batched}-{place}"},
                }
                for _ in range(number)
            ]
            yield events if self.batched else events[0]


SCENARIOS = (
    Scenario("alone, to 1", "task", 1, batched=False, events=100),
    Scenario("alone, to 5", "order", 5, batched=False, events=100),
    Scenario("100 together, to 1", "task", 1, batched=True, events=1000),
    Scenario("100 together, to 5", "order", 5, batched=True, events=500),
)
"""All scenarios."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The measurements of a scenario.

    Attributes:
        scenario: The scenario.
        calls: The calls to AWS.
        invocations: The calls of functions.
    """

    scenario: Scenario
    calls: list[Call]
    invocations: list[Invocation]


def usages(metered: MeteredBus, receiver: str) -> Iterator[Usage]:
    """Plays each scenario.

    Args:
        metered: The bus.
        receiver: The URL of a subscriber.
    """
    with metered.client() as admin:
        _register(admin, receiver)
    with metered.client(_KEY) as client:
        sweep = _sweep(metered)
        # `cold_start` measures what a new process does once.
        for warm in SCENARIOS:
            for body in islice(warm.requests(), 5):
                _publish(client, body)
        metered.wire.rest(4)
        _sweep_later(sweep)
        for scenario in SCENARIOS:
            metered.wire.take()
            metered.invocations()
            with metered.sharing():
                for number, body in enumerate(scenario.requests(), start=1):
                    _publish(client, body)
                    each = BATCH if scenario.batched else 1
                    metered.delivered(number * each * scenario.fan_out)
            _sweep_later(sweep)
            # The sweeper's work of every minute does not depend on the number of events.
            calls = [each for each in metered.wire.take() if each.function != "sweep"]
            invocations = [each for each in metered.invocations() if each.function != "sweep"]
            yield Usage(scenario, calls, invocations)


def _register(admin: httpx.Client, receiver: str) -> None:
    admin.post(
        "/publishers",
        json={
            "service_id": "bench",
            "name": "The benchmark",
            "event_types": ["task.*", "order.*"],
            "authentication": {"api_key": _KEY},
        },
    ).raise_for_status()
    for scenario in SCENARIOS[:2]:
        pattern = f"{scenario.domain}.*"
        for number in range(scenario.fan_out):
            admin.post(
                "/subscriptions",
                json={
                    "service_id": "bench",
                    "name": f"{pattern} {number}",
                    "event_types": [pattern],
                    "filters": {pattern: {"priority": ["high"]}},
                    "callback_url": f"{receiver}{number}",
                },
            ).raise_for_status()


def _publish(client: httpx.Client, body: Any) -> None:
    answer = client.post("/events", json=body)
    if answer.status_code != 202:
        raise RuntimeError(f"the bus answered {answer.status_code}: {answer.text}")


def _sweep(metered: MeteredBus) -> UnroutedSweep:
    """Returns the search for unrouted events, as the function `sweep` makes it."""
    resources = metered.bus.resources

    def client(service: str) -> Any:
        session: Any = boto3.Session(
            CREDENTIALS["AWS_ACCESS_KEY_ID"],
            CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=metered.bus.region,
        )
        return session.client(service, endpoint_url=f"{metered.wire.url}/{SWEEP}")

    dynamodb = client("dynamodb")
    return UnroutedSweep(
        events=EventStore(
            Table(dynamodb, resources["events_table"]), PayloadStore(client("s3"), "")
        ),
        routings=RoutingStore(Table(dynamodb, resources["deliveries_table"])),
        cursors=CursorStore(Table(dynamodb, resources["cursors_table"]), 1),
        unroutable=UnroutableQueue(client("sqs"), resources["unroutable_queue_url"]),
        executor=ThreadPoolExecutor(8),
    )


def _sweep_later(sweep: UnroutedSweep) -> None:
    """Searches the events published up to now, as if they were old enough for the search."""
    later = time.time() + GRACE_SECONDS + ODD_SECONDS
    with mock.patch("event_bus.times.unix", return_value=later):
        if found := sweep.run():
            raise RuntimeError(f"{found} events were not routed")
