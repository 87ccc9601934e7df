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
    """The whole app on an emulator that no other test run shares.

    Each function may do what its role lets it, and nothing is asked without TLS.
    """
    emulator = Emulator.start(tmp_path_factory.mktemp("emulator"), port=0, strict=True)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for variable in _TRUSTED:
                patch.setenv(variable, str(emulator.certificate))
            yield deploy(emulator)
    finally:
        emulator.stop()


_TRUSTED = ("AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""The variables that name whom clients trust."""


@pytest.fixture(scope="session", autouse=True)
def _stop_cleanly() -> Iterator[None]:
    """Has a run that is told to end stop what it started."""

    def end(number: int, _: object) -> None:
        pytest.exit("terminated", returncode=128 + number)

    before = signal.signal(signal.SIGTERM, end)
    yield
    signal.signal(signal.SIGTERM, before)
