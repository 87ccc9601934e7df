"""The commands about streams, their states, reducers, read models and contexts."""

import json
from typing import Any

import httpx
import pytest

from tests.unit.clients.command_line import AT, EVENT, ScriptedBus, body, run

STATE = {"stream_id": "task/1", "version": 4, "events": 4, "complete": True}


def test_streams_and_metrics_are_read() -> None:
    event = {"version": 4, "event": {**EVENT, "id": "evt_e", "type": "a.b"}}
    totals = {
        "published": 2,
        "delivered": 3,
        "failed": 1,
        "dead_lettered": 0,
        "latency_seconds": {"p50": 0.18, "p99": 0.25},
    }
    bus = ScriptedBus(
        **{
            "GET /streams/events": {"items": [event], "next_cursor": None},
            "GET /streams/state": {**STATE, "source": "shop", "state": {"a": 1}},
            "GET /metrics": httpx.Response(200, text="# HELP x\n"),
            "GET /analytics": {
                "buckets": [
                    {**dict.fromkeys(totals, 0), "start": "empty", "latency_seconds": None},
                    {"start": AT, **totals, "latency_seconds": None},
                ],
                "totals": totals,
                "delay_seconds": 60,
            },
        }
    )
    shown = run(bus, "streams", "events", "task/1", "--backward").output.split()
    assert shown == ["VERSION", "TIMESTAMP", "TYPE", "ID", "4", AT, "a.b", "evt_e"]
    assert bus.requests[0].url.params["direction"] == "backward"
    assert '"a": 1' in run(bus, "streams", "state", "task/1").output
    assert run(bus, "metrics", "--prometheus").stdout.startswith("# HELP x")
    metrics = run(bus, "metrics", "--since", "30m").output
    assert "180 ms" in metrics
    assert ("2026-05" in metrics, "empty" in metrics) == (True, False)
    assert "empty" in run(bus, "metrics", "--json").output


def test_streams_are_listed_appended_to_and_ended() -> None:
    stream = {"stream_id": "task/1", "source": "shop", "first_at": AT, "truncate_before": None}
    bus = ScriptedBus(
        **{
            "GET /streams": {"items": [stream], "next_cursor": None},
            "GET /streams/head": {**stream, "version": 4},
            "POST /streams/events": {
                "source": "shop",
                "stream_id": "task/1",
                "version": 5,
                "events": [],
            },
            "PATCH /streams": {"truncate_before": 3},
            "DELETE /streams": httpx.Response(204),
        }
    )
    assert "task/1" in run(bus, "streams", "list", "--category", "task").output
    assert '"version": 4' in run(bus, "streams", "head", "task/1").output
    events = '[{"type": "task.done", "payload": {}}]'
    append = ("streams", "append", "task/1", "-", "--expected")
    assert "version 5" in run(bus, *append, "4", input=events).output
    sent = body(bus)
    assert (sent["stream_id"], sent["expected_version"]) == ("task/1", 4)
    assert sent["events"][0]["id"].startswith("evt_")
    run(bus, *append, "none", input=events)
    assert body(bus)["expected_version"] == "none"
    assert run(bus, *append, "4", input="{}").exit_code == 2
    assert run(bus, "streams", "truncate", "task/1", "--before", "3", "--yes").exit_code == 0
    assert body(bus) == {"truncate_before": 3}
    assert run(bus, "streams", "delete", "task/1", input="n\n").exit_code == 1
    assert run(bus, "streams", "delete", "task/1", "--yes").exit_code == 0
    assert bus.requests[-1].url.params["stream_id"] == "task/1"


def test_entries_of_contexts_are_written_read_and_removed() -> None:
    entry = {
        "service_id": "shop",
        "context": "customers",
        "key": "ada",
        "version": 1,
        "value": {"name": "Ada"},
        "created_at": AT,
        "updated_at": AT,
    }
    route = "/contexts/customers/ada"
    bus = ScriptedBus(
        **{
            f"PUT {route}": entry,
            f"GET {route}": entry,
            f"DELETE {route}": httpx.Response(204),
        }
    )
    put = ("contexts", "put", "customers", "ada", '{"name": "Ada"}')
    assert run(bus, *put, "--expected-version", "0", "--service", "shop").exit_code == 0
    assert body(bus) == {"value": {"name": "Ada"}, "expected_version": 0}
    assert bus.requests[-1].url.params["service_id"] == "shop"
    assert '"Ada"' in run(bus, "contexts", "get", "customers", "ada").output
    assert run(bus, "contexts", "delete", "customers", "ada", "--yes").exit_code == 0


def test_read_models_are_put_read_rebuilt_and_removed() -> None:
    generation = {"number": 1, "reducer_version": 0, "started_at": AT, "indexes": ["status"]}
    building: dict[str, Any] = {
        "source": "shop",
        "category": "task",
        "created_at": AT,
        "updated_at": AT,
    }
    building |= {"serving": None, "building": generation}
    built = {**building, "serving": generation, "building": None}
    kept = {**STATE, "updated_at": AT, "state": {"path": "a=b"}}
    bus = ScriptedBus(
        **{
            "PUT /read-models/task": building,
            "GET /read-models/task": built,
            "POST /read-models/task/rebuild": httpx.Response(202, json=building),
            "DELETE /read-models/task": httpx.Response(204),
            "GET /states/task": {"items": [kept], "next_cursor": None},
        }
    )
    put = ("read-models", "put", "task", "--index", "status", "--index", "path")
    assert "is being built" in run(bus, *put).output
    assert json.loads(bus.requests[-1].content) == {"indexes": ["status", "path"]}
    assert '"building": null' in run(bus, "read-models", "get", "task").output
    assert "is being built" in run(bus, "read-models", "rebuild", "task").output
    listed = run(bus, "states", "task", "status=open", "path=a=b", "--source", "shop")
    assert '{"path": "a=b"}' in listed.output
    assert dict(bus.requests[-1].url.params) == {"status": "open", "path": "a=b", "source": "shop"}
    assert run(bus, "read-models", "delete", "task", "--yes").exit_code == 0
    assert bus.changes[-1] == "DELETE /read-models/task"


@pytest.mark.parametrize("value", ["status", "=open", "source=shop", "cursor=x", "limit=1"])
def test_a_value_without_the_name_of_a_member_is_refused(value: str) -> None:
    bus = ScriptedBus()
    result = run(bus, "states", "task", value)
    assert result.exit_code == 2
    assert "must be the name of a member" in result.output
    assert not bus.requests


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (("--merge",), {"type": "merge"}),
        (("--file", "-"), {"type": "jsonata", "expression": "state"}),
        (("--function", "arn:f:1"), {"type": "lambda", "function": "arn:f:1"}),
        (
            ("--function", "arn:f:1", "--role-arn", "arn:r"),
            {"type": "lambda", "function": "arn:f:1", "role_arn": "arn:r"},
        ),
    ],
)
def test_a_reducer_is_set(options: tuple[str, ...], sent: Any) -> None:
    reducer = {"source": "shop", "category": "task", "version": 2, "created_at": AT, **sent}
    bus = ScriptedBus(**{"PUT /reducers/task": reducer})
    shown = run(bus, "reducers", "set", "task", *options, "--source", "shop", input="state\n")
    assert "task has version 2" in shown.output
    assert body(bus) == sent
    assert bus.requests[-1].url.params["source"] == "shop"


@pytest.mark.parametrize(
    "options", [(), ("--merge", "--function", "f"), ("--merge", "--role-arn", "r")]
)
def test_a_reducer_that_says_too_much_is_refused(options: tuple[str, ...]) -> None:
    bus = ScriptedBus()
    assert run(bus, "reducers", "set", "task", *options).exit_code == 2
    assert not bus.requests


@pytest.mark.parametrize(
    ("events", "options", "said"),
    [
        ("{}", (), "a JSON array"),
        ("[{}]", (), "event 1: type"),
        ('[{"type": "a.b", "payload": 1}]', (), "event 1: payload"),
        ("[]", ("--expected", "nine"), "--expected must be a version"),
    ],
)
def test_events_that_cannot_be_appended_are_refused(
    events: str, options: tuple[str, ...], said: str
) -> None:
    bus = ScriptedBus()
    result = run(bus, "streams", "append", "task/1", "-", *options, input=events)
    assert result.exit_code == 2
    assert said in result.output
    assert not bus.requests
