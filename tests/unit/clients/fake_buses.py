"""A fake bus, and its client."""

import base64
from typing import Any

import pytest
from event_bus_client import EventBus
from event_bus_client.testing import FakeBus

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()


@pytest.fixture
def fake() -> FakeBus:
    return FakeBus(source="shop")


@pytest.fixture
def bus(fake: FakeBus) -> EventBus:
    return fake.client()


def pulled(bus: EventBus, *event_types: str, **members: Any) -> str:
    """Registers a subscription whose events are pulled, and returns its id."""
    made = bus.subscriptions.create(
        event_types=list(event_types), target={"type": "pull"}, **members
    )
    return str(made["id"])
