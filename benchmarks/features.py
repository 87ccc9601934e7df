"""The cost of each feature for events that use it; other events pay nothing.

Run it with `python -m benchmarks.features`; it takes two or three minutes. Plain events are
measured first, on a bus where nothing else is in use, and once more when other types and
subscriptions use every feature. It ends with an error if they then take more. Bursts of events to
an ordered subscription come last.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from statistics import median
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.metered.bus import MeteredBus, metered_bus
from benchmarks.receiver import receiving

EVENTS = 20
"""How many events of a feature are published one after the other, and how many a burst has."""

BURSTS = 10
"""How many bursts are published."""

_KEY = "the-key-of-the-benchmark"
_PAYLOAD = {"title": "Write the report", "points": 5}
_PER_EVENT = ("authorize", "publish", "route", "deliver_http")
_LANES = ("deliver_http", "deliver_http_paced", "deliver_http_slow")
_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature that an event, its type or its subscription may use.

    Attributes:
        name: Its name in the table.
        domain: The first segment of its type.
        event: Members of its events beside the type; `{}` in a text is replaced by a number.
        subscription: Further members of its subscription.
        schema: A schema of its type that is enforced.
    """

    name: str
    domain: str
    event: Mapping[str, Any] = field(default_factory=lambda: {"payload": _PAYLOAD})
    subscription: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None

    @property
    def type(self) -> str:
        """The type of its events."""
        return f"{self.domain}.created"


PLAIN = Feature("plain", "plain")
AGAIN = "plain, beside all of these"
FEATURES = (
    Feature(
        "transformed",
        "shaped",
        subscription={"transform": {"format": "event", "expression": "{'n': points}"}},
    ),
    Feature("not JSON", "binary", {"content_type": "image/png", "payload_base64": "iVBORw0KGgo="}),
    Feature("of an enforced schema", "checked", schema={"type": "object"}),
    Feature(
        "with a deduplication key",
        "once",
        {"payload": _PAYLOAD, "metadata": {"deduplication_key": "key-{}"}},
    ),
    Feature("in an event stream", "stream", {"payload": _PAYLOAD, "metadata": {"stream_id": "s"}}),
    Feature(
        "in order",
        "ordered",
        {"payload": _PAYLOAD, "metadata": {"stream_id": "o"}},
        subscription={"ordered": True},
    ),
    Feature("sensitive", "sealed", {"payload": _PAYLOAD, "sensitive": ["/title"]}),
)


BURST = Feature(
    "in order, in a burst",
    "burst",
    {"payload": _PAYLOAD, "metadata": {"stream_id": "burst-{}"}},
    subscription={"ordered": True},
)
"""Events of one event stream that are published in one request. Each burst has its own stream."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The average usage of functions by one event.

    Attributes:
        requests: Requests to AWS.
        written: Write units of DynamoDB.
        read: Read units.
    """

    requests: float
    written: float
    read: float


def measured(metered: MeteredBus, client: httpx.Client, feature: Feature) -> Taken:
    """Publishes events of a feature, and counts what they take."""
    numbers = count(1)
    _publish(client, feature, next(numbers))
    # Its functions may start for the first time, which takes longer than the pause between calls.
    metered.delivered(1)
    metered.wire.rest(2)
    metered.wire.take()
    for place in range(1, EVENTS + 1):
        _publish(client, feature, next(numbers))
        metered.delivered(place)
    metered.wire.rest(1)
    calls = [each for each in metered.wire.take() if each.function in _PER_EVENT]
    return Taken(
        len(calls) / EVENTS,
        sum(sum(each.written.values()) for each in calls) / EVENTS,
        sum(sum(each.read.values()) for each in calls) / EVENTS,
    )


def results(metered: MeteredBus, receiver: str) -> Iterator[tuple[str, Taken]]:
    """Measures plain events, each feature, and plain events once more."""
    with metered.client() as admin, metered.client(_KEY) as client:
        publisher = {
            "service_id": "bench",
            "name": "The benchmark",
            "event_types": [each.type for each in (PLAIN, *FEATURES, BURST)],
            "authentication": {"api_key": _KEY},
        }
        admin.post("/publishers", json=publisher).raise_for_status()
        _subscribe(client, PLAIN, receiver)
        yield PLAIN.name, measured(metered, client, PLAIN)
        for feature in FEATURES:
            if feature.schema is not None:
                path = f"/schemas/{feature.type}"
                client.post(f"{path}/versions", json={"schema": feature.schema}).raise_for_status()
                client.patch(path, json={"validation": "enforce"}).raise_for_status()
            _subscribe(client, feature, receiver)
            yield feature.name, measured(metered, client, feature)
        yield AGAIN, measured(metered, client, PLAIN)


def bursts(metered: MeteredBus, receiver: str) -> list[float]:
    """Publishes bursts, one after the other, to an ordered subscription.

    Returns:
        How many requests the lane made for an event of each burst, in ascending order.
    """
    found = []
    with metered.client(_KEY) as client:
        _subscribe(client, BURST, receiver)
        for number in range(BURSTS + 1):
            metered.wire.take()
            burst = [_sent(BURST, number)] * EVENTS
            client.post("/events", json=burst).raise_for_status()
            metered.delivered(EVENTS)
            metered.wire.rest(1)
            calls = [each for each in metered.wire.take() if each.function in _LANES]
            found.append(len(calls) / EVENTS)
    # The functions start with the first burst.
    return sorted(found[1:])


def _subscribe(client: httpx.Client, feature: Feature, receiver: str) -> None:
    asked = {
        "event_types": [feature.type],
        "callback_url": f"{receiver}{feature.domain}",
        **feature.subscription,
    }
    client.post("/subscriptions", json=asked).raise_for_status()


def _publish(client: httpx.Client, feature: Feature, number: int) -> None:
    client.post("/events", json=_sent(feature, number)).raise_for_status()


def _sent(feature: Feature, number: int) -> dict[str, Any]:
    metadata = {
        name: value.replace("{}", str(number))
        for name, value in feature.event.get("metadata", {}).items()
    }
    return {"type": feature.type, **feature.event, "metadata": metadata}


def main() -> None:
    """Measures, prints a table, and compares plain events."""
    console = Console(width=100)
    table = Table("An event", title="Requests and units for an event of one subscriber")
    for column in ("requests", "write units", "read units"):
        table.add_column(column, justify="right")
    with receiving() as receiver, metered_bus() as metered:
        found = dict(results(metered, receiver))
        in_bursts = bursts(metered, receiver)
    for name, taken in found.items():
        table.add_row(name, f"{taken.requests:.2f}", f"{taken.written:.2f}", f"{taken.read:.2f}")
    console.print(table)
    console.print(
        f"The lane made {in_bursts[0]:.1f} to {in_bursts[-1]:.1f} requests for an event in order "
        f"(median {median(in_bursts):.1f}), in {BURSTS} bursts of {EVENTS}."
    )
    if found[AGAIN].written > found[PLAIN.name].written + _TOLERANCE:
        raise SystemExit("Unused features cost something: plain events take more write units.")


if __name__ == "__main__":
    main()
