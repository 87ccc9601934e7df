"""What is sent through API Gateway's management API."""

from typing import Any

import pytest
from event_bus.inbox.connections import ConnectionGone, Connections


class GoneError(Exception):
    """The error of boto3 for a client that has gone."""


class FullError(Exception):
    """The error of boto3 for a client whose buffer is full."""


class Management:
    """The management API, of which one client is connected; its buffer takes so many messages."""

    class exceptions:  # noqa: N801
        """As boto3 names them."""

        GoneException = GoneError
        LimitExceededException = FullError

    def __init__(self, room: int = 100) -> None:
        self.room = room
        self.sent: list[tuple[str, bytes]] = []
        self.closed: list[str] = []

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:  # noqa: N803
        if ConnectionId != "con_1":
            raise GoneError
        if len(self.sent) == self.room:
            raise FullError
        self.sent.append((ConnectionId, Data))

    def delete_connection(self, *, ConnectionId: str) -> None:  # noqa: N803
        if ConnectionId != "con_1":
            raise GoneError
        self.closed.append(ConnectionId)


def test_a_message_is_sent_as_json() -> None:
    management: Any = Management()
    Connections(management).send("con_1", {"type": "pong", "ref": 7})
    assert management.sent == [("con_1", b'{"type":"pong","ref":7}')]


def test_a_client_that_has_gone_is_reported_by_its_connection() -> None:
    management: Any = Management()
    with pytest.raises(ConnectionGone, match="con_2"):
        Connections(management).send("con_2", {"type": "pong"})


def test_a_connection_is_closed_if_it_exists() -> None:
    management: Any = Management()
    for each in ("con_1", "con_2"):
        Connections(management).close(each)
    assert management.closed == ["con_1"]


def test_a_client_that_does_not_read_is_disconnected() -> None:
    management: Any = Management(room=2)
    pauses: list[float] = []
    connections = Connections(management, pauses.append)
    for number in range(2):
        connections.send("con_1", {"type": "pong", "ref": number})
    assert (pauses, management.closed) == ([], [])
    with pytest.raises(ConnectionGone, match="con_1"):
        connections.send("con_1", {"type": "pong"})
    assert management.closed == ["con_1"]
    assert sum(pauses) < 2


@pytest.mark.parametrize("refusals", [1, 2])
def test_a_client_stays_connected_though_api_gateway_limits_the_rate(refusals: int) -> None:
    management: Any = Management(room=0)
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        management.room = len(pauses) // refusals

    Connections(management, sleep).send("con_1", {"type": "pong"})
    assert management.sent == [("con_1", b'{"type":"pong"}')]
    assert (len(pauses), management.closed) == (refusals, [])
