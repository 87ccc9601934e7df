"""A service has several keys, each with a name, scopes and an end.

Each is rotated or revoked alone.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.socket_client import connected
from tests.end_to_end.world import Client, World

REVOKED_WITHIN = 60
"""The longest time until a revocation is effective everywhere, in seconds."""


def make_key(client: Client, service_id: str = "", **members: Any) -> dict[str, Any]:
    path = f"/publishers/{service_id or client.service_id}/keys"
    answer = client.http.post(path, json=members)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"{path}/{made['id']}"
    return made


def with_key(world: World, made: dict[str, Any]) -> Client:
    return world.with_key(made["authentication"]["api_key"], made["service_id"])


def keys_of(client: Client) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.http.get(f"/publishers/{client.service_id}/keys").json()[
        "items"
    ]
    return items


def revoked_by_its_service(world: World) -> Iterator[Client]:
    """A service makes, lists and revokes a key."""
    service = world.service()
    [first] = eventually(lambda: keys_of(service))
    assert (first["name"], first["expires_at"]) == (None, None)
    assert first["scopes"] == ["publish", "read", "receive", "recover", "manage"]
    made = make_key(service, name="second", scopes=["read"])
    key = made["authentication"]["api_key"]
    assert key.startswith(made["id"] + ".")
    second = with_key(world, made)
    assert second.http.get("/events").status_code == 200
    eventually(lambda: len(keys_of(service)) == 2)
    listed = next(each for each in keys_of(service) if each["id"] == made["id"])
    assert "authentication" not in listed
    assert listed["name"] == "second"
    # Its use was recorded, but not at once everywhere.
    eventually(lambda: next(e for e in keys_of(service) if e["id"] == made["id"])["last_used_at"])
    path = f"/publishers/{service.service_id}/keys/{made['id']}"
    assert service.http.delete(path).status_code == 204
    assert problem(service.http.delete(path), 404)
    yield second
    assert service.http.get("/events").status_code == 200


def gone_with_the_last_registration(world: World) -> Iterator[Client]:
    """Keys go with the last registration of their service."""
    service = world.service()
    second = with_key(world, make_key(service))
    asked = {"event_types": ["a.b"], "target": {"type": "pull"}}
    made = [service.pull("a.b") for _ in range(2)]
    world.admin.bus.publishers.delete(service.service_id)
    path = f"/subscribers/{service.service_id}/keys"
    service.bus.subscriptions.delete(made[0])
    assert len(service.http.get(path).json()["items"]) == 2
    service.bus.subscriptions.delete(made[1])
    # A revoked key that a function accepts for half a minute more creates no new key.
    for where, body in ((path, {}), ("/subscriptions", asked), ("/stream-tokens", {})):
        assert service.http.post(where, json=body).status_code in (401, 404), where
    yield second
    assert problem(world.admin.http.get(f"/subscribers/{service.service_id}/keys"), 404)
    again = {"service_id": service.service_id, "event_types": ["a.b"]}
    assert world.admin.http.post("/publishers", json=again).status_code == 201
    assert problem(second.http.get("/events"), 401)
    yield service


def gone_while_it_listens(world: World) -> Iterator[Client]:
    """A listener does not keep its service alive."""
    service = world.service()
    assert service.http.get("/stream", params={"types": "a.b", "wait": "0"}).status_code == 200
    assert world.admin.http.delete(f"/publishers/{service.service_id}").status_code == 204
    path = f"/subscribers/{service.service_id}/keys"
    assert service.http.post(path).status_code in (401, 404)
    assert problem(world.admin.http.get(path), 404)
    yield service


def left_and_revoked(world: World) -> Iterator[Client]:
    """An admin revokes keys that a service has left."""
    service = world.service()
    # An earlier release removed a publisher, and not all of its keys.
    world.bus.dynamodb.delete_item(
        TableName=world.bus.resources["publishers_table"],
        Key={"service_id": {"S": service.service_id}},
    )
    path = f"/subscribers/{service.service_id}/keys"
    assert problem(service.http.get(path), 404)
    [left] = world.admin.http.get(path).json()["items"]
    assert world.admin.http.delete(f"{path}/{left['id']}").status_code == 204
    assert problem(world.admin.http.get(path), 404)
    yield service


def connected_by_a_token(world: World) -> Iterator[Client]:
    """A WebSocket and a token end with their key."""
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    made = make_key(service, name="browser")
    listener = with_key(world, made)
    token = listener.stream_token()
    with connected(world.bus.websocket_url, token=token) as socket:
        socket.subscribe(event_types=[f"{domain}.*"])
        service.publish(f"{domain}.created")
        socket.items(1)
        path = f"/publishers/{service.service_id}/keys/{made['id']}"
        assert service.http.delete(path).status_code == 204
        yield listener

        def closed() -> bool:
            service.publish(f"{domain}.created")
            try:
                socket.receive(1)
            except TimeoutError:
                return False
            except ConnectionClosed:
                return True
            return False

        eventually(closed, REVOKED_WITHIN)

    def refused() -> bool:
        query = {"types": f"{domain}.*", "wait": "0", "token": token}
        return world.anonymous().get("/stream", params=query).status_code == 401

    eventually(refused, REVOKED_WITHIN)


def test_a_revoked_key_ends_everywhere(world: World) -> None:
    ways = [
        way(world)
        for way in (
            connected_by_a_token,
            gone_with_the_last_registration,
            gone_while_it_listens,
            left_and_revoked,
            revoked_by_its_service,
        )
    ]
    # Functions accept a cached key for up to 30 s after its end. The tests wait for all at once.
    first = [next(way) for way in ways]
    for way, client in zip(ways, first, strict=True):
        ended(client)
        for another in way:
            ended(another)


def ended(client: Client) -> None:
    """Waits until the key of a client is refused."""
    eventually(lambda: client.http.get("/events").status_code == 401, REVOKED_WITHIN)


def test_a_key_does_what_its_scopes_permit(world: World) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    publisher = with_key(world, make_key(service, scopes=["publish"]))
    reader = with_key(world, make_key(service, scopes=["read"]))
    event_id = publisher.publish(f"{domain}.created")
    refused = publisher.http.get(f"/events/{event_id}")
    assert (
        problem(refused, 403)["detail"]
        == "The key lacks the scope read, which this operation needs."
    )
    assert reader.event(event_id)["source"] == service.service_id
    event = {"type": f"{domain}.created", "payload": {}}
    assert problem(reader.http.post("/events", json=event), 403)


def test_a_key_creates_no_key_that_permits_more(world: World) -> None:
    service = world.service()
    manager = with_key(world, make_key(service, scopes=["manage", "read"]))
    path = f"/publishers/{service.service_id}/keys"
    for asked in ({"scopes": ["publish"]}, {"scopes": ["manage", "recover"]}):
        said = problem(manager.http.post(path, json=asked), 403)
        assert said["errors"][0]["pointer"] == "/scopes"
    assert make_key(manager, scopes=["read"])["scopes"] == ["read"]
    # Omitted members are those of the key that creates it.
    assert make_key(manager)["scopes"] == ["manage", "read"]
    # Nor does a rotation hand out an existing key.
    publishing = make_key(service, scopes=["publish"])
    assert problem(manager.http.post(f"{path}/{publishing['id']}/rotate"), 403)
    reading = make_key(service, scopes=["read"])
    assert manager.http.post(f"{path}/{reading['id']}/rotate").status_code == 201
    certificate = {"type": "mtls", "subject": f"CN={service.service_id},O=Example"}
    assert problem(service.http.post(path, json={"authentication": certificate}), 403)
    made = make_key(world.admin, service.service_id, authentication=certificate)
    assert made["stands_for"] == certificate["subject"]


def test_every_operation_that_creates_a_key_passes_on_limits(world: World) -> None:
    service = world.service()
    end = (datetime.now(UTC) + timedelta(hours=2)).isoformat(timespec="seconds")
    limits = {"scopes": ["manage", "receive"], "expires_at": end, "rate_limit": 7}
    limited = make_key(world.admin, service.service_id, **limits)
    caller = with_key(world, limited)

    def limits_of(key: dict[str, Any]) -> list[Any]:
        return [key[name] for name in limits]

    path = f"/publishers/{service.service_id}/keys"
    later = {"expires_at": (datetime.now(UTC) + timedelta(hours=3)).isoformat()}
    assert problem(caller.http.post(path, json=later), 403)["errors"][0]["pointer"] == "/expires_at"
    assert limits_of(make_key(caller)) == limits_of(limited)
    # A chosen key along with a subscription.
    asked = {
        "event_types": ["a.b"],
        "target": {"type": "pull"},
        "authentication": {"api_key": f"chosen-by-{service.service_id}"},
    }
    assert caller.http.post("/subscriptions", json=asked).status_code == 201
    chosen = world.with_key(f"chosen-by-{service.service_id}", service.service_id)
    assert chosen.http.get("/subscriptions").status_code == 403
    assert limits_of(keys_of(service)[-1]) == limits_of(limited)
    # The rate of a token, and that of a key that replaces this one.
    token = caller.stream_token()
    query = {"types": "a.b", "wait": "0", "token": token}
    turn = world.anonymous().get("/stream", params=query)
    assert turn.status_code == 200
    assert "q=70;" in turn.headers["ratelimit-policy"]
    assert problem(caller.http.post(f"{path}/{keys_of(service)[0]['id']}/rotate"), 403)
    rotated = caller.http.post(f"{path}/{limited['id']}/rotate").json()
    assert limits_of(rotated) == limits_of(limited)


def test_no_operation_exceeds_the_limit_of_keys(world: World) -> None:
    service = world.service()
    for _ in range(19):
        last = make_key(service)
    path = f"/publishers/{service.service_id}/keys"
    chosen = {"authentication": {"api_key": f"chosen-by-{service.service_id}"}}
    subscription = {"event_types": ["a.b"], "target": {"type": "pull"}, **chosen}
    for where, asked in (
        (path, {}),
        (path, chosen),
        (f"{path}/{last['id']}/rotate", {}),
        ("/subscriptions", subscription),
    ):
        refused = problem(service.http.post(where, json=asked), 409)
        assert "at most 20 keys" in refused["detail"], where
    assert len(keys_of(service)) == 20
    assert service.http.get("/subscriptions").json()["items"] == []
    # Without an overlap there is room for the new one.
    rotated = service.http.post(f"{path}/{last['id']}/rotate", json={"overlap": 0})
    assert rotated.status_code == 201
    assert len(keys_of(service)) == 20


def test_a_key_ends_by_itself(world: World) -> None:
    service = world.service()
    soon = datetime.now(UTC) + timedelta(seconds=3)
    made = make_key(service, expires_at=soon.isoformat())
    passing = with_key(world, made)
    assert passing.http.get("/events").status_code == 200
    time.sleep(3)
    assert problem(passing.http.get("/events"), 401)
    gone = {"expires_at": "2026-01-01T00:00:00Z"}
    path = f"/publishers/{service.service_id}/keys"
    assert problem(service.http.post(path, json=gone), 422)["errors"][0]["pointer"] == "/expires_at"


def test_a_rotated_key_stays_valid_during_the_overlap(world: World) -> None:
    service = world.service()
    old = make_key(service, name="job", scopes=["read"])
    path = f"/publishers/{service.service_id}/keys/{old['id']}/rotate"
    answer = service.http.post(path, json={"overlap": 4})
    assert answer.status_code == 201, answer.text
    new = answer.json()
    assert (new["name"], new["scopes"]) == ("job", ["read"])
    assert new["id"] != old["id"]
    assert with_key(world, new).http.get("/events").status_code == 200
    assert with_key(world, old).http.get("/events").status_code == 200
    again = problem(service.http.post(path), 409)
    assert new["id"] in again["detail"]
    eventually(lambda: with_key(world, old).http.get("/events").status_code == 401)
    assert with_key(world, new).http.get("/events").status_code == 200
    assert problem(service.http.post(path), 404)


def test_a_subscriber_has_keys_too(world: World) -> None:
    service_id = world.name("subscriber")
    path = f"/subscribers/{service_id}/keys"
    assert problem(world.admin.http.get(path), 404)
    asked = {"service_id": service_id, "event_types": ["a.b"], "target": {"type": "pull"}}
    first = world.admin.http.post("/subscriptions", json=asked).json()["authentication"]["api_key"]
    subscriber = world.with_key(first, service_id)
    made = subscriber.http.post(path, json={"name": "second"})
    assert made.status_code == 201, made.text
    assert problem(subscriber.http.get(f"/publishers/{service_id}/keys"), 404)
    assert problem(world.service().http.get(path), 404)
    chosen = {"authentication": {"api_key": f"chosen-by-{service_id}"}}
    assert "authentication" not in subscriber.http.post(path, json=chosen).json()
    again = world.with_key(f"chosen-by-{service_id}").http.get("/subscriptions")
    assert len(again.json()["items"]) == 1
    taken = world.service()
    answer = taken.http.post(f"/publishers/{taken.service_id}/keys", json=chosen)
    assert problem(answer, 409)["errors"][0]["pointer"] == "/authentication/api_key"


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["everything"]}, "/scopes/0"),
        ({"name": "a\x1b[31m"}, "/name"),
        ({"expires_at": "tomorrow"}, "/expires_at"),
        ({"authentication": {"api_key": "short"}}, "/authentication/api_key"),
        ({"authentication": {"type": "mtls"}}, "/authentication/subject"),
        ({"authentication": {"type": "iam"}}, "/authentication/principal"),
        (
            {"authentication": {"type": "iam", "principal": "arn:aws:iam::1:role/x"}},
            "/authentication/principal",
        ),
        ({"authentication": {"type": "password"}}, "/authentication/type"),
        ({"authentication": {"subject": "CN=x"}}, "/authentication/subject"),
        ({"key": "x"}, "/key"),
    ],
)
def test_an_invalid_key_request_is_refused_with_its_fault(
    world: World, asked: dict[str, Any], pointer: str
) -> None:
    answer = world.admin.http.post("/publishers/admin/keys", json=asked)
    assert problem(answer, 404)
    service = world.service()
    answer = world.admin.http.post(f"/publishers/{service.service_id}/keys", json=asked)
    assert problem(answer, 422)["errors"][0]["pointer"] == pointer
