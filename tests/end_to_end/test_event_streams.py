"""Event streams of the deployed bus: read in order, and folded into states."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World


@pytest.fixture
def stream(service: Client, domain: str) -> str:
    """A stream of four events: one has a sensitive member, another a large payload."""
    name = f"{domain}/task_123"
    sent: list[dict[str, Any]] = [
        {"payload": {"task_id": "task_123", "title": "Write", "status": "created"}},
        {"payload": {"assignee": "Ada", "phone": "555"}, "sensitive": ["/phone"]},
        {"payload": {"text": "x" * 300_000}},
        {"payload": {"text": None, "status": "done"}},
    ]
    batch = [
        {"type": f"{domain}.changed", "metadata": {"stream_id": name}, **each} for each in sent
    ]
    service.publish_all(batch)
    return name


def read(client: Client, stream: str, **query: Any) -> dict[str, Any]:
    page: dict[str, Any] = client.bus.call(
        "GET", "/streams/events", query={"stream_id": stream, **query}
    )
    return page


def test_a_stream_is_read_in_order_and_by_pages(service: Client, stream: str) -> None:
    whole = read(service, stream)
    assert [each["version"] for each in whole["items"]] == [1, 2, 3, 4]
    assert [each["event"]["metadata"]["stream_version"] for each in whole["items"]] == [1, 2, 3, 4]
    assert whole["next_cursor"] is None
    first = read(service, stream, direction="backward", limit=3)
    assert [each["version"] for each in first["items"]] == [4, 3, 2]
    cursor = first["next_cursor"]
    rest = read(service, stream, direction="backward", limit=3, cursor=cursor)
    assert [each["version"] for each in rest["items"]] == [1]
    some = read(service, stream, from_version=2, to_version=3)
    assert [each["version"] for each in some["items"]] == [2, 3]


def test_a_state_is_folded_up_to_a_version_or_time(
    world: World, service: Client, stream: str
) -> None:
    def state(client: Client, **query: Any) -> dict[str, Any]:
        return client.bus.streams.state(stream, **query).model_dump(exclude_unset=True)

    made = {"task_id": "task_123", "title": "Write"}
    assert state(service) == {
        "source": service.service_id,
        "stream_id": stream,
        "version": 4,
        "events": 4,
        "complete": True,
        "reducer": {"type": "merge", "version": 0},
        "snapshot_version": None,
        "state": made | {"assignee": "Ada", "phone": "555", "status": "done"},
    }
    assert state(service, at_version=1)["state"] == made | {"status": "created"}
    assert len(state(service, at_version=3)["state"]["text"]) == 300_000
    # A subscriber of its types sees a marker in place of the sensitive value.
    stranger = world.service()
    assert state(stranger, source=service.service_id)["events"] == 0
    stranger.pull(stream.replace("/task_123", ".*"))
    seen = state(stranger, source=service.service_id)
    assert seen["complete"]
    assert seen["state"]["phone"] == {"$encrypted": True}


def test_events_of_a_kept_category_have_no_expiry(
    world: World, service: Client, domain: str
) -> None:
    path = f"/publishers/{service.service_id}"
    granted = {"kept_stream_categories": [f"{domain}-kept"]}
    problem(service.http.patch(path, json=granted), 403)
    changed = world.admin.bus.publishers.update(service.service_id, **granted)
    assert changed["kept_stream_categories"] == [f"{domain}-kept"]
    name = f"{domain}-kept/task_1"

    def stored() -> dict[str, Any]:
        text = "x" * 99_999
        event_id = service.publish(f"{domain}.made", {"text": text}, stream={"id": name})
        table = world.bus.resources["events_table"]
        key = {"id": {"S": event_id}}
        item: dict[str, Any] = world.bus.dynamodb.get_item(TableName=table, Key=key)["Item"]
        return item

    eventually(lambda: "expires_at" not in stored(), 30)
    last = read(service, name, direction="backward", limit=1)["items"][0]["event"]["id"]
    # Its large payload is read from the bucket.
    assert len(service.event(last)["payload"]["text"]) == 99_999


def test_an_invalid_query_of_streams_is_refused_with_its_fault(
    world: World, service: Client
) -> None:
    for query, pointer in (
        ({}, "stream_id"),
        ({"stream_id": "x", "from_version": "0"}, "from_version"),
        ({"stream_id": "x", "direction": "sideways"}, "direction"),
        ({"stream_id": "x", "version": "1"}, "version"),
    ):
        refusal = problem(service.http.get("/streams/events", params=query), 400)
        assert [each["pointer"] for each in refusal["errors"]] == [pointer]
    admin = world.with_key(world.bus.admin_api_key)
    refusal = problem(admin.http.get("/streams/state", params={"stream_id": "x"}), 400)
    assert [each["pointer"] for each in refusal["errors"]] == ["source"]


def test_a_stream_is_appended_to_listed_truncated_and_deleted(
    world: World, service: Client, domain: str
) -> None:
    name = f"{domain}/task_1"

    def append(*ids: str, **members: Any) -> httpx.Response:
        events = [{"id": each, "type": f"{domain}.made", "payload": {}} for each in ids]
        body = {"stream_id": name, "events": events, **members}
        return service.http.post("/streams/events", json=body)

    ids = [world.name("evt") for _ in range(4)]
    assert append(*ids[:2], expected_version="none").status_code == 202
    again = append(*ids[:2], expected_version="none")
    assert (again.status_code, again.json()["version"]) == (200, 2)
    refused = problem(append(ids[2], expected_version=1), 409)
    assert refused["actual_version"] == 2
    # Many writers; each reads the version from its conflicts.
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda _: _written(service, domain, name), range(8)))
    assert [each["version"] for each in read(service, name)["items"]] == list(range(1, 11))

    head = service.bus.streams.head(name)
    assert (head["version"], head["category"]) == (10, domain)
    assert [each["stream_id"] for each in service.bus.streams.list(category=domain)] == [name]
    assert service.bus.streams.truncate(name, before=9)["truncate_before"] == 9
    assert [each["version"] for each in read(service, name)["items"]] == [9, 10]
    service.bus.streams.delete(name)
    assert read(service, name)["items"] == []
    problem(append(ids[3]), 409)
    # A category that the registration does not list.
    world.admin.bus.publishers.update(service.service_id, stream_categories=["other"])
    eventually(lambda: append(ids[3]).status_code == 403, 30)


def _written(service: Client, domain: str, name: str) -> None:
    """Appends one event like an aggregate, which takes its version from conflicts."""
    expected = 2
    for _ in range(50):
        sent = {
            "type": f"{domain}.made",
            "payload": {},
            "stream": {"id": name, "expected_version": expected},
        }
        answer = service.http.post("/events", json=sent)
        if answer.status_code == 202:
            assert answer.json()["stream"]["version"] == expected + 1
            return
        expected = problem(answer, 409)["actual_version"]
    raise AssertionError("an event met other events in every attempt")


def test_a_subscription_catches_up_with_a_category(
    world: World, service: Client, domain: str
) -> None:
    def publish(*places: tuple[str, str]) -> None:
        batch = [
            {"id": event_id, "type": f"{domain}.made", "payload": {}, "stream": {"id": stream}}
            for stream, event_id in places
        ]
        service.publish_all(batch)

    one, two, other = f"{domain}/1", f"{domain}/2", f"other{domain}/1"
    ids = [world.name("evt") for _ in range(7)]
    publish((one, ids[0]), (two, ids[1]), (one, ids[2]), (other, ids[3]))
    subscriber = world.service()
    subscribed = subscriber.bus.subscriptions.follow_category(
        domain,
        source=service.service_id,
        from_beginning=True,
        event_types=[f"{domain}.*"],
        target={"type": "pull"},
        delivery_guarantee="exactly_once",
    )
    assert subscribed["ordered"]
    assert subscribed["stream"]["category"] == domain
    publish((one, ids[4]), (two, ids[5]), (other, ids[6]))

    def all_of_them() -> list[dict[str, Any]] | None:
        path = f"/subscriptions/{subscribed['id']}/events"
        answer = subscriber.http.get(path, params={"lease": "1"})
        # While the lease of the previous request is valid, the answer is 409.
        items = answer.json().get("items", [])
        return items if len(items) >= 5 else None

    places: dict[str, list[int]] = {}
    for each in eventually(all_of_them, 60):
        metadata = each["event"]["metadata"]
        places.setdefault(metadata["stream_id"], []).append(metadata["stream_version"])
    assert places == {one: [1, 2, 3], two: [1, 2]}
    subscriber.bus.subscriptions.delete(subscribed["id"])
