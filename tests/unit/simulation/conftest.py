"""The stand-ins in the place of AWS, and processes for what takes long."""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor

import pytest

from tests.memory_aws import aws
from tests.threads import executor

__all__ = ["aws", "executor"]


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    """A process for each processor."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        yield pool
