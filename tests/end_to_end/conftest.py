"""What end-to-end tests share."""

from collections.abc import Iterator

import httpx
import pytest

from localstack.bus import LocalBus
from tests.end_to_end.world import Client, World


@pytest.fixture
def world(bus: LocalBus) -> Iterator[World]:
    """The deployed bus, and whatever a test needs on it."""
    with httpx.Client(
        base_url=bus.api_url, headers={"x-api-key": bus.admin_api_key}, timeout=60
    ) as http:
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
