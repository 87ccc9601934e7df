"""Threads for whoever needs some."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest


@pytest.fixture(scope="session")
def executor() -> Iterator[Executor]:
    """Threads that end with the tests."""
    with ThreadPoolExecutor(16) as threads:
        yield threads
