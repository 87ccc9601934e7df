"""Fixtures of the end-to-end tests."""

from collections.abc import Iterator

import pytest

from localstack.bus import LocalBus
from tests.end_to_end.world import Client, World, client_of


@pytest.fixture
def world(bus: LocalBus) -> Iterator[World]:
    """The deployed bus, and the services of a test."""
    with client_of(bus, bus.admin_api_key) as admin:
        made = World(bus, admin)
        yield made
        made.close()


@pytest.fixture
def domain(world: World) -> str:
    """The first segment of event types that no other test uses."""
    return world.name("task")


@pytest.fixture
def placed(world: World) -> str:
    """A type of events that no other test uses."""
    return f"{world.name('order')}.placed"


@pytest.fixture
def service(world: World, domain: str) -> Client:
    """A service that may publish the types of the domain, and subscribe."""
    return world.publisher(f"{domain}.*")
