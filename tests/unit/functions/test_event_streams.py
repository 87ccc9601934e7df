"""Streams are appended to, listed, truncated and deleted through the API's own functions."""

import json
from typing import Any

import pytest
from event_bus.access.callers import Caller

from tests.builders import AN_ADMIN, service
from tests.handlers import FunctionAnswer, Functions

PLANNER, STRANGER = service("planner"), service("stranger")


@pytest.fixture(autouse=True)
def registered(functions: Functions) -> None:
    body = {"service_id": "planner", "event_types": ["task.*"]}
    functions.request("registry", "POST /publishers", AN_ADMIN, body)


def append(functions: Functions, stream: str, *ids: str, **members: Any) -> FunctionAnswer:
    events = [{"id": each, "type": "task.made", "payload": {"n": 1}} for each in ids]
    body = {"stream_id": stream, "events": events, **members}
    return functions.request("publish", "POST /streams/events", PLANNER, body)


def asked(
    functions: Functions, route: str, caller: Caller = PLANNER, body: Any = None, **query: str
) -> FunctionAnswer:
    return functions.request("events", route, caller, body, query=query)


def versions(
    functions: Functions, stream: str, caller: Caller = PLANNER, **query: str
) -> list[int]:
    page = asked(functions, "GET /streams/events", caller, stream_id=stream, **query)
    assert page.status == 200, page.body
    return [each["version"] for each in page.body["items"]]


def test_an_append_is_answered_with_every_event(functions: Functions) -> None:
    first = append(functions, "task/1", "a", "b", expected_version="none")
    assert first.status == 202
    assert (first.body["stream_id"], first.body["version"]) == ("task/1", 2)
    places = [each["stream"] for each in first.body["events"]]
    assert places == [{"id": "task/1", "version": 1}, {"id": "task/1", "version": 2}]
    again = append(functions, "task/1", "a", "b", expected_version="none")
    assert (again.status, again.body) == (200, first.body)
    refused = append(functions, "task/1", "c", expected_version=1)
    assert (refused.status, refused.body["actual_version"]) == (409, 2)
    assert refused.body["type"] == "urn:event-bus:problem:version-conflict"


def test_the_warnings_of_an_append_fit_into_an_answer(functions: Functions) -> None:
    # Each warning repeats the name of the outer member, which Lambda escapes once more.
    schema = {"additionalProperties": {"required": [f"member_{number}" for number in range(20)]}}
    changes = {
        "POST /schemas/{type}/versions": {"schema": schema},
        "PATCH /schemas/{type}": {"validation": "warn"},
    }
    for route, change in changes.items():
        where = {"type": "task.made"}
        made = functions.request("registry", route, PLANNER, change, parameters=where)
        assert made.status in (200, 201), made.body
    event = {"type": "task.made", "payload": {"\x01" * 990: {}}}
    events = [{"id": f"evt_{number}", **event} for number in range(50)]
    body = {"stream_id": "task/1", "events": events}
    answer = functions.request("publish", "POST /streams/events", PLANNER, body)
    assert (answer.status, answer.body["version"]) == (202, 50)
    assert len(json.dumps(json.dumps(answer.body))) < 6_000_000
    first, *_, last = answer.body["events"]
    assert len(first["warnings"]) == 20
    assert "warnings" not in last


def test_streams_are_listed_by_category_and_prefix(functions: Functions) -> None:
    for place, name in enumerate(["task/1", "task/10", "task/2", "tasks/1", "task", "order/1"]):
        append(functions, name, f"evt_{place}")

    def listed(caller: Caller = PLANNER, **query: str) -> list[str]:
        answer = asked(functions, "GET /streams", caller, **query)
        assert answer.status == 200, answer.body
        return [each["stream_id"] for each in answer.body["items"]]

    assert listed() == ["order/1", "task", "task/1", "task/10", "task/2", "tasks/1"]
    assert listed(category="task") == ["task", "task/1", "task/10", "task/2"]
    assert listed(category="task", prefix="task/1") == ["task/1", "task/10"]
    assert listed(prefix="ta", limit="1") == ["task"]
    assert listed(category="none") == []
    assert listed(AN_ADMIN, source="planner", category="order") == ["order/1"]
    # A stranger sees none of whose events it may receive nothing.
    assert listed(STRANGER, source="planner") == []
    assert listed(STRANGER) == []
    found: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = asked(functions, "GET /streams", category="task", limit="1", **cursor).body
        found += [each["stream_id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == ["task", "task/1", "task/10", "task/2"]
    long = "\U0001f4ec/" + "\U0001f4ec" * 254
    append(functions, long, "evt_long")
    append(functions, f"{long[:-1]}\U0001f4ed", "evt_longer")
    page = asked(functions, "GET /streams", prefix="\U0001f4ec", limit="1").body
    cursor = {"cursor": page["next_cursor"]}
    rest = asked(functions, "GET /streams", prefix="\U0001f4ec", limit="1", **cursor).body
    assert [each["stream_id"] for each in rest["items"]] == [f"{long[:-1]}\U0001f4ed"]
    refused = asked(functions, "GET /streams", category="task", prefix="order")
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (400, "prefix")


def test_a_head_tells_of_its_stream(functions: Functions) -> None:
    append(functions, "task/1", "a", "b", "c")
    answer = asked(functions, "GET /streams/head", stream_id="task/1")
    assert answer.status == 200
    head = answer.body
    assert (head["category"], head["version"]) == ("task", 3)
    assert (head["truncate_before"], head["deleted_at"]) == (None, None)
    assert asked(functions, "GET /streams/head", stream_id="task/2").status == 404
    hidden = asked(functions, "GET /streams/head", STRANGER, stream_id="task/1", source="planner")
    assert hidden.status == 404


def test_a_truncated_stream_begins_later(functions: Functions) -> None:
    append(functions, "task/1", "a", "b", "c")

    def truncate(before: Any, caller: Caller = PLANNER, **query: str) -> FunctionAnswer:
        body = {"truncate_before": before}
        return asked(functions, "PATCH /streams", caller, body, stream_id="task/1", **query)

    assert truncate(3).body["truncate_before"] == 3
    assert truncate(2).body["truncate_before"] == 3
    assert versions(functions, "task/1") == [3]
    assert versions(functions, "task/1", direction="backward") == [3]
    # What is hidden stays for the audit.
    assert versions(functions, "task/1", AN_ADMIN, source="planner") == [3]
    shown = versions(functions, "task/1", AN_ADMIN, source="planner", removed="shown")
    assert shown == [1, 2, 3]
    assert (
        asked(functions, "GET /streams/events", stream_id="task/1", removed="shown").status == 403
    )
    for wrong in (0, 5, "1", None):
        refused = truncate(wrong)
        assert (refused.status, refused.body["errors"][0]["pointer"]) == (422, "/truncate_before")
    assert truncate(1, STRANGER, source="planner").status == 403
    assert truncate(1, STRANGER).status == 404
    assert truncate(4, AN_ADMIN, source="planner").status == 200
    assert versions(functions, "task/1") == []
    assert append(functions, "task/1", "d", expected_version=3).status == 202
    assert versions(functions, "task/1") == [4]


def test_a_deleted_stream_is_empty_and_takes_no_event(functions: Functions) -> None:
    append(functions, "task/1", "a", "b")
    append(functions, "task/2", "c")
    query: dict[str, Any] = {"stream_id": "task/1"}
    assert asked(functions, "DELETE /streams", STRANGER, source="planner", **query).status == 403
    assert asked(functions, "DELETE /streams", STRANGER, **query).status == 404
    assert asked(functions, "DELETE /streams", **query).status == 204
    assert asked(functions, "DELETE /streams", **query).status == 204
    assert versions(functions, "task/1") == []
    shown = versions(functions, "task/1", AN_ADMIN, source="planner", removed="shown")
    assert shown == [1, 2]
    head = asked(functions, "GET /streams/head", **query).body
    assert head["version"] == 2
    assert head["deleted_at"]
    items = asked(functions, "GET /streams").body["items"]
    assert [each["deleted_at"] for each in items] == [head["deleted_at"], None]
    refused = append(functions, "task/1", "d")
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (409, "/stream_id")
    body = {"truncate_before": 1}
    assert asked(functions, "PATCH /streams", PLANNER, body, **query).status == 409


def test_a_cursor_reveals_no_stream_that_its_caller_may_not_see(functions: Functions) -> None:
    for place in range(3):
        append(functions, f"task/{place}", f"evt_{place}")
    page = asked(functions, "GET /streams", STRANGER, source="planner", limit="1")
    assert (page.body["items"], page.body["next_cursor"]) == ([], None)
    assert asked(functions, "GET /streams", limit="1").body["next_cursor"]
