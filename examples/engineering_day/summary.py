"""The totals of a day, and their check."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from examples.engineering_day.cast import EVENT_TYPES, PROTOCOLS, Protocol, protocol_of
from examples.engineering_day.ledger import Published, as_sent

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DayTotals:
    """The totals of a day.

    Attributes:
        published: Events that the team published and the bus stored.
        types: The number of their types.
        matched: Deliveries: pairs of an event and a subscription that it matched.
        delivered: Deliveries that the bus reports as delivered.
        verified: Deliveries that arrived by callback with a valid signature.
        filtered_out: Events that a subscription's filter excluded, although it receives their type.
        attempts: The attempts of all deliveries.
        stored_ms: The milliseconds from publish to the bus's answer, for each event.
        received_ms: The milliseconds from publish to receipt of each delivery, by protocol.
    """

    published: int
    types: int
    matched: int
    delivered: int
    verified: int
    filtered_out: int
    attempts: int
    stored_ms: Sequence[float]
    received_ms: Mapping[Protocol, Sequence[float]]


def day_totals(
    entries: Sequence[Published],
    documents: Mapping[str, Document],
    subscriptions: Mapping[str, str],
) -> DayTotals:
    """Counts a day.

    Args:
        entries: The published events, with the times of their arrival.
        documents: The answer of `GET /events/{id}` for each event, by id.
        subscriptions: The services of the day's subscriptions, by subscription.
    """
    deliveries = [
        delivery
        for document in documents.values()
        for delivery in own_deliveries(document, subscriptions)
    ]
    received_ms: dict[Protocol, list[float]] = {protocol: [] for protocol in PROTOCOLS}
    for entry in entries:
        for service_id, took in entry.received_ms.items():
            received_ms[protocol_of(service_id)].append(took)
    return DayTotals(
        published=sum(entry.stored_ms is not None for entry in entries),
        types=len({entry.event["type"] for entry in entries}),
        matched=len(deliveries),
        delivered=sum(delivery["status"] == "delivered" for delivery in deliveries),
        verified=len(received_ms["http"]),
        filtered_out=sum(len(entry.filtered) for entry in entries),
        attempts=sum(delivery["attempts"] for delivery in deliveries),
        stored_ms=[entry.stored_ms for entry in entries if entry.stored_ms is not None],
        received_ms=received_ms,
    )


def own_deliveries(document: Document, subscriptions: Mapping[str, str]) -> list[Document]:
    """Returns the deliveries of an event to subscriptions of the day; the bus may have others."""
    return [each for each in document["deliveries"] if each["subscription_id"] in subscriptions]


def faults(
    entries: Sequence[Published],
    documents: Mapping[str, Document],
    subscriptions: Mapping[str, str],
) -> list[str]:
    """Returns what is lost, wrong or unexpected, each as a sentence; nothing on a good day.

    Args:
        entries: The published events, with the times of their arrival.
        documents: The answer of `GET /events/{id}` for each event, by id.
        subscriptions: The services of the day's subscriptions, by subscription.
    """
    found: list[str] = []
    for entry in entries:
        found += _faults_of(entry, documents.get(entry.id), subscriptions)
    if missing := EVENT_TYPES - {entry.event["type"] for entry in entries}:
        found.append(f"no event of the types {', '.join(sorted(missing))}")
    return found


def _faults_of(
    entry: Published, document: Document | None, subscriptions: Mapping[str, str]
) -> list[str]:
    what = f"{entry.event['type']} {entry.id}"
    expected = {role.service_id for role in entry.expected}
    found = [f"{what} did not reach {each}" for each in sorted(expected - set(entry.received_ms))]
    if entry.stored_ms is None:
        found.append(f"{what} was not stored")
    if document is None:
        return [*found, f"{what} cannot be read back"]
    if not document["processed"]:
        found.append(f"{what} was not routed")
    sent = {**entry.event, "source": entry.by.service_id}
    stored = as_sent(document)
    for name, value in sent.items():
        if stored[name] != value:
            found.append(f"{what} was stored with another {name}")
    deliveries = own_deliveries(document, subscriptions)
    matched = {subscriptions[each["subscription_id"]] for each in deliveries}
    if matched != expected:
        found.append(f"{what} matched {_names(matched)}, and not {_names(expected)}")
    for each in deliveries:
        if each["status"] != "delivered":
            service_id, status = each["service_id"], each["status"]
            found.append(f"the delivery of {what} to {service_id} is {status}")
    return found


def _names(services: set[str]) -> str:
    return ", ".join(sorted(services)) or "no one"


def percentile(values: Sequence[float], percent: int) -> float:
    """Returns the percentile of some values (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
