"""Chooses the stories of a file: `test_order.py` runs those of `tests/simulation/stories/order.py`.

Each subject has a file, so that the workers of `make test` share the stories.
"""

import pytest

from tests.simulation.stories import STORIES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs the tests of the suite for each story of the file's subject."""
    subject = metafunc.module.__name__.rpartition(".test_")[2]
    module = f"tests.simulation.stories.{subject}"
    if "name" in metafunc.fixturenames:
        told = [name for name, story in STORIES.items() if story.__module__ == module]
        metafunc.parametrize("name", told)
