"""The emulator's log leaves out idle clients, and nothing else."""

import logging
from collections.abc import Callable

import pytest

from localstack.quiet_log import IdleClients


def fails(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (TimeoutError("SSL shutdown timed out"), False),
        (TimeoutError("SSL handshake is taking longer than 60.0 seconds"), True),
        (TimeoutError(), True),
        (OSError("SSL shutdown timed out"), True),
    ],
)
def test_one_error_of_idle_clients_is_left_out(
    error: Exception, logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("quiet")
    logger.addFilter(IdleClients())
    try:
        fails(error)()
    except Exception:
        logger.exception("Unhandled exception in client_connected_cb")
    logger.error("SSL shutdown timed out")
    assert len(caplog.records) == logged + 1
