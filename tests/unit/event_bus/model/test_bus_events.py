"""The events of the bus are what their definitions say, and the same change is one event."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest
from event_bus.model import bus_events
from event_bus.model.api_keys import ApiKey
from event_bus.model.bus_events import BUS_EVENT_TYPES
from event_bus.model.circuit import Circuit
from event_bus.model.delivery import Delivery, DeliveryError, DeliveryKey
from event_bus.model.event import Event
from event_bus.requests.event import EventSubmission, accept
from event_bus.requests.validation import read
from pydantic import TypeAdapter

from tests.builders import NOON, delivery, subscription

ERROR = DeliveryError("http_status", "the subscriber answered 503", NOON)
OPEN = Circuit(state="open", consecutive=10, opened_at=1_777_636_800.0, last_error=ERROR)
LETTER = delivery("exhausted", dead_letter_id="dl_1", last_error=ERROR)


def circuit_event(before: Circuit, after: Circuit) -> Event:
    event = bus_events.about_circuit(subscription(), before, after)
    assert event
    return event


def of_subscription(event_type: str, **more: Any) -> Event:
    return bus_events.about_subscription(event_type, subscription(version=7), **more)


MADE = {
    event.type: event
    for event in (
        circuit_event(Circuit(), OPEN),
        circuit_event(OPEN, Circuit()),
        bus_events.about_dead_letter(LETTER, "2026-05-01T12-00"),
        bus_events.about_schema("order.placed", 2, "shop", "billing"),
        bus_events.about_key(ApiKey("ebk_1", "worker", NOON), 1_800_000_000),
        of_subscription(bus_events.SUBSCRIPTION_PAUSED, previous_status="active"),
        of_subscription(
            bus_events.SUBSCRIPTION_RESUMED, previous_status="paused", replay_id="rpl_1"
        ),
        of_subscription(bus_events.SUBSCRIPTION_DISABLED),
    )
}


@pytest.mark.parametrize("defined", BUS_EVENT_TYPES, ids=lambda each: each.type)
def test_an_event_is_what_its_definition_says(defined: bus_events.BusEventType) -> None:
    event = MADE[defined.type]
    payload = orjson.loads(event.payload or b"")
    adapter: TypeAdapter[Mapping[str, Any]] = TypeAdapter(defined.payload)
    # No member is missing, and none is left out of the definition.
    assert adapter.validate_python(payload, strict=True) == payload
    assert event.source == "eventbus"
    assert event.id.startswith("eventbus:")
    assert event.audience


@pytest.mark.parametrize("made", MADE.values(), ids=lambda each: each.type)
def test_an_event_is_what_the_same_one_of_a_publisher_would_be(made: Event) -> None:
    sent = {
        "id": made.id,
        "type": made.type,
        "payload": orjson.loads(made.payload or b""),
        "metadata": made.metadata,
    }
    accepted = accept(read(EventSubmission, sent), "eventbus")
    # An event that an earlier version stored is recognised by its digest.
    assert accepted.digest == made.digest
    assert replace(accepted, timestamp=made.timestamp, created_at=made.created_at) == made


def test_every_type_is_defined_once() -> None:
    names = [each.type for each in BUS_EVENT_TYPES]
    assert names == sorted(set(names))
    assert MADE.keys() == set(names)


def test_events_about_a_subscription_name_it() -> None:
    about = {name: event.about for name, event in MADE.items()}
    assert about.pop(bus_events.SCHEMA_REGISTERED) is None
    assert about.pop(bus_events.KEY_EXPIRING) is None
    assert set(about.values()) == {"sub_1"}


def test_a_circuit_without_a_change_makes_no_event() -> None:
    half_open = replace(OPEN, state="half_open")
    for before, after in ((Circuit(), Circuit()), (OPEN, half_open), (half_open, OPEN)):
        assert bus_events.about_circuit(subscription(), before, after) is None


def test_events_of_a_circuit_show_the_failures_that_opened_it() -> None:
    for event in (MADE[bus_events.CIRCUIT_OPENED], MADE[bus_events.CIRCUIT_CLOSED]):
        payload = orjson.loads(event.payload or b"")
        assert (payload["failures"], payload["error"]["code"]) == (10, "http_status")
        assert payload["opened_at"] == "2026-05-01T12:00:00.000Z"


def test_the_same_change_is_the_same_event() -> None:
    assert circuit_event(Circuit(), OPEN).id == MADE[bus_events.CIRCUIT_OPENED].id
    again = replace(OPEN, opened_at=1_777_636_860.0)
    assert circuit_event(Circuit(), again).id != MADE[bus_events.CIRCUIT_OPENED].id
    other = replace(LETTER, dead_letter_id="dl_2")
    first = MADE[bus_events.DEAD_LETTER_CREATED]
    assert bus_events.about_dead_letter(other, "2026-05-01T12-00").id == first.id
    assert bus_events.about_dead_letter(other, "2026-05-01T12-01").id != first.id
    long = "a" * 100 + "." + "b" * 100
    assert len(bus_events.about_schema(long, 1, "shop", "shop").id) <= 128


LONGEST = f"{'s' * 64}.{'n' * 63}"


@pytest.mark.parametrize("name", ["sub_01K", "worker.tasks", LONGEST])
def test_events_name_subscriptions_with_any_identifier(name: str) -> None:
    about = subscription(name, version=10**15)
    closed = Circuit()
    opened = replace(closed, state="open", until=1e12, opened_at=1_777_636_800.123)
    key = DeliveryKey("evt_1", name)
    letter = Delivery(key, "worker", "task.created", "exhausted", 1, NOON, NOON)
    told = [
        bus_events.about_subscription(bus_events.SUBSCRIPTION_DISABLED, about),
        bus_events.about_circuit(about, closed, opened),
        bus_events.about_dead_letter(letter, "2026-05-01T12:00"),
    ]
    for each in told:
        assert each
        assert each.about == name
        assert each.id.startswith("eventbus:")
    assert len({each.id for each in told if each}) == len(told)


def of_subscription_named(name: str) -> Event:
    return bus_events.about_subscription(bus_events.SUBSCRIPTION_DISABLED, subscription(name))


def test_two_identifiers_have_events_of_their_own() -> None:
    names = ["worker.a", "worker.b", "worker_a", "worker:a"]
    told = {of_subscription_named(each).id for each in names}
    assert len(told) == len(names)
