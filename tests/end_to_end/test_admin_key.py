"""A replaced admin key ends, and so does everything that was opened with it."""

import time
from collections.abc import Callable, Iterator

import pytest
from event_bus.access.admin_key import CACHE_SECONDS
from websockets.exceptions import ConnectionClosed

from tests.end_to_end.problems import problem
from tests.end_to_end.socket_client import SocketClient, connected
from tests.end_to_end.world import World

OTHER = "another-admin-key-of-at-least-forty-characters"


@pytest.fixture
def admin_key(world: World) -> Iterator[Callable[[str], None]]:
    """Replaces the admin key, until the end of the test."""

    def replace(value: str) -> None:
        world.bus.client("secretsmanager").put_secret_value(
            SecretId=world.bus.resources["admin_secret_arn"], SecretString=value
        )

    yield replace
    replace(world.admin.key)
    world.forget("Authorize", "SocketsSocket", "SocketsPush")


def test_a_replaced_admin_key_ends_everywhere_within_half_a_minute(
    world: World, admin_key: Callable[[str], None]
) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    token = world.admin.stream_token()
    query = {"types": f"{domain}.*", "wait": "0", "token": token}
    url = world.bus.websocket_url
    with (
        connected(url, key=world.admin.key) as by_key,
        connected(url, token=token) as by_token,
        connected(url, key=service.key) as other,
    ):
        for socket in (by_key, by_token, other):
            socket.subscribe(event_types=[f"{domain}.*"])
        service.publish(f"{domain}.created")
        for socket in (by_key, by_token, other):
            socket.items(1)
        assert world.anonymous().get("/stream", params=query).status_code == 200
        admin_key(OTHER)
        time.sleep(CACHE_SECONDS + 1)
        assert problem(world.admin.http.get("/publishers"), 401)
        assert world.with_key(OTHER).http.get("/publishers").status_code == 200
        assert world.anonymous().get("/stream", params=query).status_code == 401
        service.publish(f"{domain}.created")
        ended(by_key)
        ended(by_token)
        # Callers with another key are not affected.
        other.items(1)


def ended(socket: SocketClient) -> None:
    """Checks that a connection ends, and brings no event before."""
    with pytest.raises(ConnectionClosed):
        socket.receive()
