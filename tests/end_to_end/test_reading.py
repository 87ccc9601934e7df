"""Reading events back from the deployed bus."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World

URL = "http://127.0.0.1:9/hook"


def listed(client: Client, **query: str) -> list[str]:
    """The ids of a whole list, read page by page."""
    return [each["id"] for each in client.bus.listing("/events", **query)]


@pytest.fixture
def history(world: World) -> tuple[Client, str, list[str]]:
    """A publisher, the domain of its types, and twelve events that it published, oldest first."""
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    events = [
        {
            "id": f"{domain}-{number:02}",
            "type": f"{domain}.{'created' if number % 2 else 'role.failed'}",
            "timestamp": f"2026-01-{number + 1:02}T00:00:00Z",
            "payload": {"n": number},
            "metadata": {
                "correlation_id": f"{domain}-c{number % 3}",
                "trace_id": f"{domain}-t{number % 4}",
            },
        }
        for number in range(12)
    ]
    ids = publisher.publish_all(events)
    eventually(
        lambda: listed(publisher, source=publisher.service_id, processed="true") == ids[::-1]
    )
    return publisher, domain, ids


def test_every_filter_and_combination_finds_its_events(
    world: World, history: tuple[Client, str, list[str]]
) -> None:
    publisher, domain, ids = history
    source = {"source": publisher.service_id}
    expected: list[tuple[dict[str, str], list[str]]] = [
        ({}, ids),
        (source, ids),
        ({"type": f"{domain}.created"}, ids[1::2]),
        ({"type": f"{domain}.*"}, ids),
        ({"type": f"{domain}.role.*"}, ids[::2]),
        ({"type": "*.role.failed", **source}, ids[::2]),
        ({"correlation_id": f"{domain}-c1"}, ids[1::3]),
        ({"trace_id": f"{domain}-t3"}, ids[3::4]),
        ({"correlation_id": f"{domain}-c0", "trace_id": f"{domain}-t0"}, ids[::12]),
        ({"correlation_id": f"{domain}-c0", "type": f"{domain}.created"}, ids[3::6]),
        ({"from": "2026-01-04T00:00:00Z", "to": "2026-01-07T00:00:00Z", **source}, ids[3:6]),
        ({"from": "2026-01-11T01:00:00+01:00", "type": f"{domain}.*"}, ids[10:]),
        ({"from": "2026-01-07T00:00:00Z", "to": "2026-01-04T00:00:00Z", **source}, []),
        ({"processed": "true", **source}, ids),
        ({"processed": "false", **source}, []),
        ({"source": "nobody"}, []),
    ]
    for query, wanted in expected:
        # Pages of one event: where events of others are passed over, too, and once where not.
        for limit in ("1", "5", "100") if query in (source, expected[5][0]) else ("5", "100"):
            assert listed(publisher, **query, limit=limit) == wanted[::-1], query
            oldest_first = listed(publisher, **query, limit=limit, order="oldest")
            assert oldest_first == wanted, query
        if query:
            assert listed(world.admin, **query) == wanted[::-1], query


def test_the_admin_lists_all_events_in_order(
    world: World, history: tuple[Client, str, list[str]]
) -> None:
    _, _, ids = history
    query = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-31T00:00:00Z"}
    found = listed(world.admin, **query)
    assert [each for each in found if each in ids] == ids[::-1]
    assert len(found) == len(set(found))


def test_lists_omit_large_payloads(world: World) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    small = publisher.publish(f"{domain}.small", {"n": 1})
    large = publisher.publish(f"{domain}.large", {"blob": "x" * 20_000})
    items = publisher.bus.listing("/events", type=f"{domain}.*")
    shown = {each["id"]: (each["payload"], each["payload_bytes"]) for each in items}
    assert shown == {small: ({"n": 1}, 7), large: (None, 20_011)}
    assert publisher.event(large)["payload"] == {"blob": "x" * 20_000}


def test_a_service_sees_what_it_published_or_is_subscribed_to(world: World) -> None:
    domain = world.name("task")
    publisher, subscriber, stranger = (
        world.publisher(f"{domain}.*"),
        world.service(),
        world.service(),
    )
    subscriber.subscribe(
        URL, f"{domain}.assigned", filters={f"{domain}.assigned": {"priority": ["high"]}}
    )
    seen = publisher.publish(f"{domain}.assigned", {"priority": "high"})
    filtered = publisher.publish(f"{domain}.assigned", {"priority": "low"})
    other = publisher.publish(f"{domain}.created")
    assert subscriber.event(seen)["payload"] == {"priority": "high"}
    publisher.subscribe(URL, f"{domain}.*")
    shared = publisher.publish(f"{domain}.assigned", {"priority": "high"})
    eventually(lambda: len(publisher.event(shared)["deliveries"]) == 2)
    own_part = subscriber.event(shared)["deliveries"]
    assert [each["service_id"] for each in own_part] == [subscriber.service_id]
    for event_id in (filtered, other):
        problem(subscriber.http.get(f"/events/{event_id}"), 404)
    problem(stranger.http.get(f"/events/{seen}"), 404)
    own = subscriber.publish(f"{subscriber_type(world, subscriber)}")
    assert listed(subscriber, type=f"{domain}.*") == [shared, seen]
    assert sorted(listed(subscriber)) == sorted([seen, shared, own])
    assert listed(stranger) == []
    assert sorted(listed(publisher)) == sorted([seen, shared, filtered, other])


def subscriber_type(world: World, service: Client) -> str:
    """The one type that a service made by `World.service` may publish."""
    return str(world.admin.bus.publishers.get(service.service_id)["event_types"][0])


BAD_QUERIES: list[tuple[dict[str, str], str]] = [
    ({"type": "no spaces"}, "type"),
    ({"type": ""}, "type"),
    ({"from": "yesterday"}, "from"),
    ({"to": "2026-01-01"}, "to"),
    ({"processed": "maybe"}, "processed"),
    ({"order": "random"}, "order"),
    ({"limit": "-1"}, "limit"),
    ({"limit": "1000"}, "limit"),
    ({"limit": "٣"}, "limit"),
    ({"cursor": "!!!"}, "cursor"),
    ({"cursor": "bm90IGpzb24"}, "cursor"),
    ({"cursor": "WyIiLCAiIl0"}, "cursor"),
    ({"colour": "red"}, "colour"),
    ({"correlation_id": "ü" * 501}, "correlation_id"),
]


@pytest.mark.parametrize(("query", "name"), BAD_QUERIES)
def test_an_invalid_query_is_refused_with_its_parameter(
    world: World, query: dict[str, Any], name: str
) -> None:
    document = problem(world.admin.http.get("/events", params=query), 400)
    assert document["errors"][0]["pointer"] == name


def test_a_cursor_serves_its_own_caller_and_filters_alone(
    world: World, history: tuple[Client, str, list[str]]
) -> None:
    publisher, domain, _ = history
    query = {"type": f"{domain}.*", "limit": "3"}
    cursor = publisher.http.get("/events", params=query).json()["next_cursor"]
    for client, changed in (
        (publisher, {"type": f"{domain}.created"}),
        (publisher, {"order": "oldest"}),
        (world.admin, {}),
    ):
        answer = client.http.get("/events", params={**query, **changed, "cursor": cursor})
        assert problem(answer, 400)["errors"][0]["pointer"] == "cursor"
    answer = publisher.http.get("/events", params={**query, "limit": "4", "cursor": cursor})
    assert len(answer.json()["items"]) == 4


def test_reading_needs_a_key(world: World) -> None:
    for path in ("/events", "/events/evt_x", "/subscriptions", "/publishers"):
        problem(world.anonymous().get(path), 401)
    problem(world.admin.http.get("/events/evt_unknown"), 404)


@pytest.mark.parametrize("kind", ["events", "subscriptions", "publishers"])
@pytest.mark.parametrize("name", ["x" * 3000, "%2Fetc", "%00", "ü", "..", "#routing", "a b"])
def test_an_impossible_identifier_finds_nothing(world: World, kind: str, name: str) -> None:
    answer = world.admin.http.get(f"/{kind}/{quote(name, safe='%')}")
    assert answer.status_code == 404, answer.text
