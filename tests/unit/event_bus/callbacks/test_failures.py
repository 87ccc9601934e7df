"""The error of a connection is named by its cause, however deep urllib3 wraps it."""

import http.client

import pytest
from event_bus.callbacks.failures import left_unanswered, unanswered
from urllib3.exceptions import ConnectTimeoutError, HTTPError, ProtocolError, SSLError

LOST = http.client.RemoteDisconnected("the connection was closed")


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (LOST, True),
        (ProtocolError("the connection broke", LOST), True),
        (ProtocolError("the connection broke", http.client.IncompleteRead(b"HTTP")), False),
        (ProtocolError("the connection broke"), False),
        (ProtocolError(), False),
        # urllib3 wraps causes only into these errors.
        (HTTPError("something else", LOST), False),
        (OSError(LOST), False),
    ],
)
def test_an_answer_that_began_is_not_left_out(error: Exception, left: bool) -> None:
    assert left_unanswered(error) is left


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProtocolError(), "connection_broken"),
        (ProtocolError("the connection broke"), "connection_broken"),
        (HTTPError(), "connection_broken"),
        (SSLError(), "tls_failed"),
        (SSLError("no handshake"), "tls_failed"),
        (ConnectTimeoutError(), "connect_timeout"),
    ],
)
def test_an_error_without_a_cause_has_a_code(error: Exception, code: str) -> None:
    assert unanswered(error).code == code
