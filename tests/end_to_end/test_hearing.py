"""A service hears what it may hear, on every way by which events reach it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World


@pytest.fixture
def shop(world: World) -> Client:
    return world.publisher("shop.*", "secret.*")


@pytest.fixture
def other(world: World) -> Iterator[Client]:
    """A service that has taken part in everything, until types are given to it."""
    client = world.service()
    yield client
    world.admin.http.delete(f"/subscribers/{client.service_id}")


def give(world: World, client: Client, *event_types: str) -> None:
    answer = world.admin.http.put(
        f"/subscribers/{client.service_id}", json={"event_types": event_types}
    )
    assert answer.status_code in (200, 201), answer.text


def pulled(client: Client, subscription_id: str) -> list[str]:
    answer = client.http.get(f"/subscriptions/{subscription_id}/events", params={"cursor": "0"})
    assert answer.status_code == 200, answer.text
    return [each["event"]["type"] for each in answer.json()["items"]]


def inbox(client: Client, *event_types: str) -> str:
    answer = client.http.post(
        "/subscriptions",
        json={"name": "x", "event_types": event_types, "target": {"type": "pull"}},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def listed(client: Client, source: Client) -> list[str]:
    answer = client.http.get("/events", params={"source": source.service_id, "order": "oldest"})
    assert answer.status_code == 200, answer.text
    return [each["type"] for each in answer.json()["items"]]


def test_types_are_given_by_admins(world: World) -> None:
    client, name = world.service(), world.name("subscriber")
    path, body = f"/subscribers/{name}", {"event_types": ["a.*", "b.c"]}
    made = world.admin.http.put(path, json=body)
    assert (made.status_code, made.json()["event_types"]) == (201, ["a.*", "b.c"])
    again = world.admin.http.put(path, json={"event_types": []})
    assert (again.status_code, again.json()["event_types"]) == (200, [])
    assert world.admin.http.get(path).json() == again.json()
    listed = world.admin.http.get("/subscribers", params={"limit": 100}).json()["items"]
    assert again.json() in listed
    for refused in (client.http.put(path, json=body), client.http.delete(path)):
        problem(refused, 403)
    problem(client.http.get(path), 404)
    assert client.http.get("/subscribers").json()["items"] == []
    give(world, client, "a.*")
    [own] = client.http.get("/subscribers").json()["items"]
    assert client.http.get(f"/subscribers/{client.service_id}").json() == own
    for bad in ({"event_types": ["a b"]}, {"event_types": "a.*"}, {}, {"event_types": [], "x": 1}):
        problem(world.admin.http.put(path, json=bad), 422)
    for odd in ("admin", "eventbus", "-x"):
        problem(world.admin.http.put(f"/subscribers/{odd}", json=body), 422)
    assert world.admin.http.delete(path).status_code == 204
    problem(world.admin.http.delete(path), 404)


def test_what_is_not_given_is_refused_where_it_is_asked_for(
    world: World, shop: Client, other: Client
) -> None:
    give(world, other, "shop.*")
    receiver = world.receiver()
    body: dict[str, Any] = {"name": "x", "callback_url": receiver.url}
    refused = problem(
        other.http.post("/subscriptions", json={**body, "event_types": ["shop.a", "secret.*"]}), 403
    )
    assert [each["pointer"] for each in refused["errors"]] == ["/event_types/1"]
    made = other.subscribe(receiver, "*")
    path = f"/subscriptions/{made['id']}"
    problem(other.http.patch(path, json={"event_types": ["secret.a"]}), 403)
    problem(other.http.get("/stream", params={"types": "secret.a", "wait": "0"}), 403)
    assert other.http.get("/stream", params={"types": "shop.a", "wait": "0"}).status_code == 200
    # What an admin registers for it is held to it as well.
    for_it = {**body, "service_id": other.service_id, "event_types": ["secret.a"]}
    problem(world.admin.http.post("/subscriptions", json=for_it), 403)


def test_no_way_leads_to_what_is_not_given(world: World, shop: Client, other: Client) -> None:
    receiver = world.receiver()
    pushed, pulls = other.subscribe(receiver, "*"), inbox(other, "*")
    listens = other.http.get("/stream", params={"types": "*", "wait": "0"})
    last_id = [line for line in listens.text.splitlines() if line.startswith("id:")][-1][3:].strip()
    give(world, other, "shop.*")
    # It was answered: it holds for what is published from now on.
    hidden, shown = shop.publish("secret.made", {"text": "hidden"}), shop.publish("shop.made")
    eventually(lambda: [each for each in receiver.requests if each.event["id"] == shown])
    eventually(lambda: pulled(other, pulls) == ["shop.made"])
    for path in (f"/events/{hidden}", f"/events/{hidden}/trace"):
        problem(other.http.get(path), 404)
    problem(other.http.post(f"/events/{hidden}/replay"), 404)
    assert listed(other, shop) == ["shop.made"]
    turn = other.http.get("/stream", params={"types": "*", "cursor": last_id, "wait": "20"})
    assert ("hidden" in turn.text, shown in turn.text) == (False, True)
    flow = other.http.get("/traces", params={"correlation_id": hidden}).json()["events"]
    assert flow == []
    # Neither an admin's replay nor the publisher's brings it.
    for client in (world.admin, shop):
        client.replayed(f"/events/{hidden}/replay")
    replayed = other.http.post(
        "/subscriptions",
        json={
            "name": "history",
            "event_types": ["*"],
            "target": {"type": "pull"},
            "replay_from": world.admin.event(hidden)["timestamp"],
        },
    ).json()
    eventually(lambda: pulled(other, replayed["id"]))
    assert set(pulled(other, replayed["id"])) == {"shop.made"}
    assert {each.event["type"] for each in receiver.requests} == {"shop.made"}
    assert pulled(other, pulls) == ["shop.made"]
    services = [each["service_id"] for each in world.admin.event(hidden)["deliveries"]]
    assert other.service_id not in services
    # Its own events it hears in any case.
    own = other.publish(f"{other.http.get('/publishers').json()['items'][0]['event_types'][0]}")
    eventually(lambda: [each for each in receiver.requests if each.event["id"] == own])
    assert other.event(own)["deliveries"]
    assert pushed["id"]


def test_what_was_received_is_not_shown_when_its_type_is_taken_away(
    world: World, shop: Client, other: Client
) -> None:
    pulls = inbox(other, "shop.*", "secret.*")
    sent = shop.publish("secret.made")
    eventually(lambda: pulled(other, pulls) == ["secret.made"])
    assert other.event(sent)["id"] == sent
    give(world, other, "shop.*")
    problem(other.http.get(f"/events/{sent}"), 404)
    assert listed(other, shop) == []
    # An inbox shows for 30 seconds what the router put there before.
    assert eventually(lambda: pulled(other, pulls) == [], 45)
    give(world, other, "secret.*")
    assert pulled(other, pulls) == ["secret.made"]
    assert other.event(sent)["id"] == sent
