"""The rights of a service to receive events apply to every protocol and route."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from event_bus_client import NotFound

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.socket_client import connected
from tests.end_to_end.world import Client, World


@pytest.fixture
def shop(world: World) -> Client:
    return world.publisher("shop.*", "secret.*")


@pytest.fixture
def other(world: World) -> Iterator[Client]:
    """A service without a limited right, until types are given to it."""
    client = world.service()
    yield client
    # Otherwise it would receive the events of all later tests, also as a listener, and fail.
    end_subscriptions(client)
    give(world, client)


@pytest.fixture
def named(world: World) -> Iterator[Client]:
    """A service that a publisher may name."""
    client = world.service()
    yield client
    end_subscriptions(client)


def end_subscriptions(client: Client) -> None:
    """Deletes all subscriptions of a service."""
    for each in list(client.bus.subscriptions.list()):
        # A listener may have ended already.
        with suppress(NotFound):
            client.bus.subscriptions.delete(each["id"])


def give(world: World, client: Client, *event_types: str) -> None:
    world.admin.bus.subscribers.put(client.service_id, event_types)


def pulled(client: Client, subscription_id: str) -> list[str]:
    return [each["event"]["type"] for each in client.waiting(subscription_id)]


def listed(client: Client, source: Client) -> list[str]:
    listing = client.bus.events.list(source=source.service_id, order="oldest")
    return [each.type for each in listing]


def test_types_are_given_by_admins(world: World) -> None:
    client, name = world.service(), world.name("subscriber")
    place, body = f"/subscribers/{name}", {"event_types": ["a.*", "b.c"]}
    made = world.admin.http.put(place, json=body)
    assert (made.status_code, made.json()["event_types"]) == (201, ["a.*", "b.c"])
    again = world.admin.http.put(place, json={"event_types": []})
    assert (again.status_code, again.json()["event_types"]) == (200, [])
    assert world.admin.http.get(place).json() == again.json()
    listed = world.admin.http.get("/subscribers", params={"limit": 100}).json()["items"]
    assert again.json() in listed
    for refused in (client.http.put(place, json=body), client.http.delete(place)):
        problem(refused, 403)
    problem(client.http.get(place), 404)
    assert client.http.get("/subscribers").json()["items"] == []
    give(world, client, "a.*")
    [own] = client.http.get("/subscribers").json()["items"]
    assert client.http.get(f"/subscribers/{client.service_id}").json() == own
    for bad in ({"event_types": ["a b"]}, {"event_types": "a.*"}, {}, {"event_types": [], "x": 1}):
        problem(world.admin.http.put(place, json=bad), 422)
    for odd in ("admin", "eventbus", "-x"):
        problem(world.admin.http.put(f"/subscribers/{odd}", json=body), 422)
    assert world.admin.http.delete(place).status_code == 204
    problem(world.admin.http.delete(place), 404)


def test_a_subscription_to_types_that_were_not_given_is_refused(
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
    place = f"/subscriptions/{made['id']}"
    problem(other.http.patch(place, json={"event_types": ["secret.a"]}), 403)
    problem(other.http.get("/stream", params={"types": "secret.a", "wait": "0"}), 403)
    assert other.http.get("/stream", params={"types": "shop.a", "wait": "0"}).status_code == 200
    # Subscriptions that an admin registers for it have the same rights.
    for_it = {**body, "service_id": other.service_id, "event_types": ["secret.a"]}
    problem(world.admin.http.post("/subscriptions", json=for_it), 403)


def test_no_operation_shows_events_of_types_that_were_not_given(
    world: World, shop: Client, other: Client
) -> None:
    receiver = world.receiver()
    pushed, pulls = other.subscribe(receiver, "*"), other.pull("*")
    listens = other.http.get("/stream", params={"types": "*", "wait": "0"})
    last_id = [line for line in listens.text.splitlines() if line.startswith("id:")][-1][3:].strip()
    give(world, other, "shop.*")
    # After the answer, it applies to events that are published from now on.
    hidden, shown = shop.publish("secret.made", {"text": "hidden"}), shop.publish("shop.made")
    eventually(lambda: [each for each in receiver.requests if each.event["id"] == shown])
    eventually(lambda: pulled(other, pulls) == ["shop.made"])
    for read in (other.bus.events.get, other.bus.events.trace, other.bus.events.replay):
        with pytest.raises(NotFound):
            read(hidden)
    assert listed(other, shop) == ["shop.made"]
    turn = other.http.get("/stream", params={"types": "*", "cursor": last_id, "wait": "20"})
    assert ("hidden" in turn.text, shown in turn.text) == (False, True)
    flow = other.http.get("/traces", params={"correlation_id": hidden}).json()["events"]
    assert flow == []
    # Neither an admin's replay nor the publisher's brings it.
    for client in (world.admin, shop):
        client.replayed(hidden)
    replayed = other.pull("*", replay_from=world.admin.event(hidden)["timestamp"])
    eventually(lambda: pulled(other, replayed))
    assert set(pulled(other, replayed)) == {"shop.made"}
    assert {each.event["type"] for each in receiver.requests} == {"shop.made"}
    assert pulled(other, pulls) == ["shop.made"]
    services = [each["service_id"] for each in world.admin.event(hidden)["deliveries"]]
    assert other.service_id not in services
    # It always receives its own events.
    [publisher] = other.bus.publishers.list()
    own = other.publish(publisher["event_types"][0])
    eventually(lambda: [each for each in receiver.requests if each.event["id"] == own])
    assert other.event(own)["deliveries"]
    assert pushed["id"]


def test_a_restricted_type_reaches_only_the_services_that_its_publisher_names(
    world: World, shop: Client, other: Client, named: Client
) -> None:
    give(world, other, "*")
    receiver, hears = world.receiver(), world.receiver()
    other.subscribe(receiver, "shop.*", "secret.*")
    named.subscribe(hears, "secret.*")
    pulls, its = other.pull("shop.*", "secret.*"), named.pull("secret.*")
    listens = other.http.get("/stream", params={"types": "*", "wait": "0"})
    last_id = [line for line in listens.text.splitlines() if line.startswith("id:")][-1][3:].strip()
    earlier = shop.publish("secret.made")
    eventually(lambda: pulled(other, pulls) == ["secret.made"])
    restricted = {"secret.*": [named.service_id]}
    changed = shop.bus.publishers.update(shop.service_id, restricted=restricted)
    assert changed["restricted"] == restricted
    assert world.admin.bus.publishers.get(shop.service_id) == changed
    # After the answer, it applies to events that are published from now on, and to all reads.
    hidden, shown = shop.publish("secret.kept", {"text": "hidden"}), shop.publish("shop.made")
    eventually(lambda: [each for each in hears.requests if each.event["id"] == hidden])
    eventually(lambda: [each for each in receiver.requests if each.event["id"] == shown])
    assert named.event(hidden)["payload"] == {"text": "hidden"}
    for event_id in (earlier, hidden):
        for read in (other.bus.events.get, other.bus.events.trace, other.bus.events.replay):
            with pytest.raises(NotFound):
                read(event_id)
    assert listed(other, shop) == ["shop.made"]
    assert listed(named, shop) == ["secret.made", "secret.kept"]
    turn = other.http.get("/stream", params={"types": "*", "cursor": last_id, "wait": "20"})
    assert ("hidden" in turn.text, shown in turn.text) == (False, True)
    assert other.http.get("/traces", params={"correlation_id": hidden}).json()["events"] == []
    since = world.admin.event(earlier)["timestamp"]
    old = other.pull("shop.*", "secret.*", replay_from=since)
    old_of_named = named.pull("secret.*", replay_from=since)
    world.admin.replayed(hidden)
    eventually(lambda: {"secret.made", "secret.kept"} <= set(pulled(named, old_of_named)))
    eventually(lambda: pulled(other, old))
    assert set(pulled(other, old)) == {"shop.made"}
    assert "secret.kept" not in pulled(other, pulls)
    assert hidden not in [each.event["id"] for each in receiver.requests]
    assert "secret.kept" in pulled(named, its)
    services = {each["service_id"] for each in world.admin.event(hidden)["deliveries"]}
    assert services == {named.service_id}
    # An admin may remove it again.
    lifted = world.admin.bus.publishers.update(shop.service_id, restricted={})
    assert lifted["restricted"] == {}
    assert other.event(hidden)["id"] == hidden


def test_a_publisher_names_known_services(world: World, shop: Client, other: Client) -> None:
    place, later = f"/publishers/{shop.service_id}", world.name("later")
    names = [other.service_id, later]
    for unknown, where in (
        ({"sensitive_readers": names}, "/sensitive_readers/1"),
        ({"restricted": {"secret.*": names}}, "/restricted/secret.*/1"),
    ):
        refused = problem(shop.http.patch(place, json=unknown), 422)
        assert [each["pointer"] for each in refused["errors"]] == [where]
    assert world.admin.http.put(f"/subscribers/{later}", json={"event_types": []}).is_success
    change: dict[str, Any] = {"sensitive_readers": names, "restricted": {"secret.*": names}}
    assert shop.http.patch(place, json=change).json().items() >= change.items()
    world.admin.http.delete(f"/subscribers/{later}")
    # The answer can be sent back as a request.
    assert shop.http.patch(place, json=change).status_code == 200
    problem(other.http.patch(place, json={"restricted": {}}), 404)


def test_received_events_are_hidden_after_their_type_is_removed(
    world: World, shop: Client, other: Client
) -> None:
    pulls = other.pull("shop.*", "secret.*")
    sent = shop.publish("secret.made")
    eventually(lambda: pulled(other, pulls) == ["secret.made"])
    assert other.event(sent)["id"] == sent
    give(world, other, "shop.*")
    problem(other.http.get(f"/events/{sent}"), 404)
    assert listed(other, shop) == []
    # For 30 seconds, an inbox shows events that were routed before the change.
    assert eventually(lambda: pulled(other, pulls) == [], 45)
    give(world, other, "secret.*")
    assert pulled(other, pulls) == ["secret.made"]
    assert other.event(sent)["id"] == sent


def test_a_websocket_brings_what_its_service_may_receive(
    world: World, shop: Client, named: Client
) -> None:
    give(world, named, "shop.*")
    with connected(world.bus.websocket_url, named.key) as client:
        refused = client.ask("subscribe", event_types=["shop.made", "secret.made"])["error"]
        assert (refused["status"], refused["errors"][0]["pointer"]) == (403, "/event_types/1")
        client.subscribe(event_types=["*"])
        shop.publish("secret.made")
        shown = shop.publish("shop.made")
        [item] = client.items(1)
        assert item["event"]["id"] == shown
        assert client.quiet()
