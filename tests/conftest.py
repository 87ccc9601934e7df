"""What all tests share: a bus that is deployed onto an emulator of its own."""

import signal
from collections.abc import Iterator

import pytest

from localstack.bus import LocalBus
from localstack.deployment import deploy
from localstack.emulator import Emulator

pytest.register_assert_rewrite("tests.contracts")


@pytest.fixture(scope="session")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBus]:
    """The whole app on an emulator that no other test run shares."""
    emulator = Emulator.start(tmp_path_factory.mktemp("emulator"), port=0)
    try:
        yield deploy(emulator)
    finally:
        emulator.stop()


@pytest.fixture(scope="session", autouse=True)
def _stop_cleanly() -> Iterator[None]:
    """Has a run that is told to end stop what it started."""

    def end(number: int, _: object) -> None:
        pytest.exit("terminated", returncode=128 + number)

    before = signal.signal(signal.SIGTERM, end)
    yield
    signal.signal(signal.SIGTERM, before)
