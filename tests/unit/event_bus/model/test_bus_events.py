"""The bus says what has become of any subscription, whatever its identifier."""

from dataclasses import replace

import pytest
from event_bus.model.bus_events import (
    SUBSCRIPTION_DISABLED,
    about_circuit,
    about_dead_letter,
    about_subscription,
)
from event_bus.model.circuit import Circuit
from event_bus.model.delivery import Delivery, DeliveryKey

from tests.builders import NOON, subscription

LONGEST = f"{'s' * 64}.{'n' * 63}"


@pytest.mark.parametrize("name", ["sub_01K", "worker.tasks", LONGEST])
def test_a_subscription_of_any_identifier_is_told_of(name: str) -> None:
    about = subscription(name, version=10**15)
    closed = Circuit()
    opened = replace(closed, state="open", until=1e12, opened_at=1_777_636_800.123)
    key = DeliveryKey("evt_1", name)
    letter = Delivery(key, "worker", "task.created", "exhausted", 1, NOON, NOON)
    told = [
        about_subscription(SUBSCRIPTION_DISABLED, about),
        about_circuit(about, closed, opened),
        about_dead_letter(letter, "2026-05-01T12:00"),
    ]
    for each in told:
        assert each
        assert each.about == name
        assert each.id.startswith("eventbus:")
    assert len({each.id for each in told if each}) == len(told)


def test_two_identifiers_have_events_of_their_own() -> None:
    names = ["worker.a", "worker.b", "worker_a", "worker:a"]
    told = {about_subscription(SUBSCRIPTION_DISABLED, subscription(each)).id for each in names}
    assert len(told) == len(names)
