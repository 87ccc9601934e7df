"""An HTTP client of the deployed bus."""

from collections.abc import Iterator

import httpx
import pytest
from localstack.bus import LocalBus


@pytest.fixture(scope="session")
def admin(bus: LocalBus) -> Iterator[httpx.Client]:
    """A client that holds the first admin key."""
    with httpx.Client(
        base_url=bus.api_url, headers={"x-api-key": bus.admin_api_key}, timeout=30
    ) as client:
        yield client
