"""What the tests of the service share: mocked AWS, threads, an environment."""

from collections.abc import Callable, Iterator

import pytest
from event_bus.settings import settings

from tests.clock import shift
from tests.handlers import log
from tests.memory_aws import aws
from tests.moto_aws import clients, moto_aws, one_request_at_a_time
from tests.threads import executor

__all__ = ["aws", "clients", "executor", "log", "moto_aws", "one_request_at_a_time", "shift"]


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Tells the process its environment anew, until the test ends."""

    def tell(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()

    yield tell
    settings.cache_clear()
