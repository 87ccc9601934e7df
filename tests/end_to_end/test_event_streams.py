"""Event streams of the deployed bus: read in order, and folded into states."""

from typing import Any

import pytest

from tests.end_to_end.problems import problem
from tests.end_to_end.world import Client, World


@pytest.fixture
def stream(service: Client, domain: str) -> str:
    """A stream of four events, of which one has a sensitive member and one a large payload."""
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
    answer = service.http.post("/events", json=batch)
    assert answer.json()["accepted"] == 4, answer.text
    return name


def read(client: Client, stream: str, **query: Any) -> dict[str, Any]:
    answer = client.http.get("/streams/events", params={"stream_id": stream, **query})
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
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


def test_a_state_adds_up_and_goes_back_in_time(world: World, service: Client, stream: str) -> None:
    def state(client: Client, **query: Any) -> dict[str, Any]:
        answer = client.http.get("/streams/state", params={"stream_id": stream, **query})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

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
    # A subscriber of its types sees the marker of what is sensitive.
    stranger = world.service()
    assert state(stranger, source=service.service_id)["events"] == 0
    stranger.http.post(
        "/subscriptions",
        json={"event_types": [stream.replace("/task_123", ".*")], "target": {"type": "pull"}},
    ).raise_for_status()
    seen = state(stranger, source=service.service_id)
    assert seen["complete"]
    assert seen["state"]["phone"] == {"$encrypted": True}


def test_what_cannot_be_read_is_said(world: World, service: Client) -> None:
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
