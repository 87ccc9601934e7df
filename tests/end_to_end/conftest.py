"""Fixtures of the end-to-end tests."""

from collections.abc import Iterator

import pytest

from localstack.bus import LocalBus
from tests.end_to_end.world import Client, World, http_client


@pytest.fixture
def world(bus: LocalBus) -> Iterator[World]:
    """The deployed bus, and the services of a test."""
    with http_client(bus, {"x-api-key": bus.admin_api_key}) as http:
        made = World(bus, Client(http))
        yield made
        made.close()


@pytest.fixture
def domain(world: World) -> str:
    """The first segment of event types that no other test uses."""
    return world.name("task")


@pytest.fixture
def service(world: World, domain: str) -> Client:
    """A service that may publish the types of the domain, and subscribe."""
    return world.publisher(f"{domain}.*")
