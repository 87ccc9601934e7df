"""The rate limit of a key: one request, or message, too many is a 429."""

import time
from collections.abc import Iterator
from contextlib import suppress

from websockets.exceptions import ConnectionClosed

from tests.end_to_end.problems import problem
from tests.end_to_end.socket_client import SocketClient, connected
from tests.end_to_end.world import World


def test_a_key_has_a_limit_of_its_own(world: World) -> None:
    service = world.service()
    path = f"/publishers/{service.service_id}/keys"
    said = problem(service.http.post(path, json={"rate_limit": 1}), 403)
    assert said["errors"][0]["pointer"] == "/rate_limit"
    made = world.admin.http.post(path, json={"rate_limit": 1}).json()
    assert made["rate_limit"] == 1
    slow = world.with_key(made["authentication"]["api_key"]).http
    first = slow.get("/events")
    assert first.headers["ratelimit-policy"] == '"key";q=10;w=10'
    assert first.headers["ratelimit"].startswith('"key";r=')
    answers = [slow.get("/events") for _ in range(30)]
    refused = [each for each in answers if each.status_code == 429]
    assert refused
    said = problem(refused[-1], 429)
    assert said["detail"].startswith("The key may make 10 requests in 10 seconds, by its rate_")
    # The others of the service are counted by themselves.
    other = service.http.get("/events")
    assert other.status_code == 200
    assert other.headers["ratelimit-policy"] == '"key";q=2000;w=10'
    wait = int(refused[-1].headers["retry-after"])
    assert 1 <= wait <= 10
    time.sleep(wait)
    assert slow.get("/events").status_code == 200
    assert "ratelimit" not in world.anonymous().get("/health/live").headers


def test_a_flood_of_messages_ends_its_connection(world: World) -> None:
    service = world.service()
    path = f"/publishers/{service.service_id}/keys"
    made = world.admin.http.post(path, json={"rate_limit": 1}).json()
    slow = world.with_key(made["authentication"]["api_key"])
    with (
        connected(world.bus.websocket_url, slow.key) as flooding,
        connected(world.bus.websocket_url, service.key) as other,
    ):
        for _ in range(100):
            flooding.send("ping")
        answers = list(_until_closed(flooding))
        assert set(answers) == {"pong", 429}
        assert len(answers) < 100
        # Other keys of the service are counted by themselves.
        assert other.ask("ping")["type"] == "pong"


def _until_closed(socket: SocketClient) -> Iterator[object]:
    """Yields the type of each message, or the status of an error, until the connection ends."""
    with suppress(ConnectionClosed):
        while True:
            message = socket.receive()
            yield message["error"]["status"] if message["type"] == "error" else message["type"]
