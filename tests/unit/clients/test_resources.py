"""Commands, event streams and schemas: what is sent, and what is made of the answers."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from event_bus_client import (
    CommandFailed,
    EventBus,
    NewEvent,
    VersionConflict,
    event_type,
)
from pydantic import BaseModel

AT = "2026-05-01T12:00:00.000Z"


class Bus:
    """Answers in turn, and keeps what was sent."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    @property
    def client(self) -> EventBus:
        return EventBus("https://bus.example", "ebk_1", transport=httpx.MockTransport(self))

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(each.content or b"null") for each in self.requests]


def command(state: str, **members: Any) -> dict[str, Any]:
    ended_at = None if state in ("accepted", "delivered") else AT
    common = {"id": "c1", "type": "command.bill", "ended_at": ended_at}
    return {**common, "state": state, **members}


REPLY = {
    "id": "r1",
    "type": "shop.commands.responses",
    "source": "billing",
    "timestamp": AT,
    "payload": {"billed": 250},
    "metadata": {"causation_id": "c1"},
}


def test_a_request_waits_for_the_reply() -> None:
    bus = Bus(command("accepted"), command("delivered"), command("succeeded", reply=REPLY))
    reply = bus.client.commands.request("command.bill", {"total": 250}, id="c1", timeout=60)
    assert reply.payload == {"billed": 250}
    sent, first, second = bus.requests
    assert (sent.method, sent.url.path) == ("POST", "/commands")
    assert dict(sent.url.params) == {"wait": "20", "require_handler": "true"}
    assert bus.bodies[0]["id"] == "c1"
    assert bus.bodies[0]["metadata"]["deadline"].endswith("Z")
    for each in (first, second):
        assert (each.method, each.url.path) == ("GET", "/commands/c1")
        assert each.url.params["wait"] == "20"


@pytest.mark.parametrize("state", ["failed", "expired", "cancelled"])
def test_a_request_that_ends_without_a_reply_says_how(state: str) -> None:
    error = {"title": "The till is empty", "detail": "until noon"}
    bus = Bus(command(state, error=error))
    with pytest.raises(CommandFailed, match="till is empty: until noon") as failed:
        bus.client.commands.request("command.bill", {})
    assert failed.value.command.state == state


def test_a_period_is_replayed_and_a_browser_gets_a_token() -> None:
    token = {"token": "ebt_1", "expires_at": AT}
    bus = Bus({"id": "r1"}, {"id": "r2"}, token, token)
    since = datetime(2026, 5, 1, tzinfo=UTC)
    bus.client.replays.start(since=since, until=AT, rate=5)
    bus.client.replays.start(since=AT)
    assert bus.bodies[:2] == [{"from": "2026-05-01T00:00:00Z", "to": AT, "rate": 5}, {"from": AT}]
    assert bus.client.stream_token().token == "ebt_1"
    assert bus.client.stream_token("sub_1").expires_at.year == 2026
    paths = [each.url.path for each in bus.requests[2:]]
    assert paths == ["/stream-tokens", "/subscriptions/sub_1/stream-tokens"]


def test_a_command_whose_delivery_was_given_up_may_still_succeed() -> None:
    given_up = command("failed", ended_at=None, error={"title": "delivery-failed"})
    bus = Bus(command("accepted"), given_up, command("succeeded", reply=REPLY))
    assert bus.client.commands.request("command.bill", {}).payload == {"billed": 250}
    again = Bus(given_up, command("expired", error={"title": "Its deadline passed"}))
    with pytest.raises(CommandFailed, match="expired"):
        again.client.commands.request("command.bill", {})


def test_a_command_is_read_replied_to_and_cancelled() -> None:
    bus = Bus(command("accepted"), {"id": "r1"}, {"id": "r2"}, {"id": "r3"}, command("cancelled"))
    commands = bus.client.commands
    assert not commands.get("c/1").ended
    commands.reply("c1", {"billed": 250})
    commands.reply("c1", error="The till is empty")
    commands.reply("c1", error={"title": "The till is empty", "status": 422})
    assert commands.cancel("c1").ended
    assert [each.url.raw_path.split(b"?")[0] for each in bus.requests] == [
        b"/commands/c%2F1",
        *[b"/events/c1/reply"] * 3,
        b"/commands/c1/cancel",
    ]
    assert bus.bodies[1:4] == [
        {"payload": {"billed": 250}},
        {"error": {"title": "The till is empty"}},
        {"error": {"title": "The till is empty", "status": 422}},
    ]


def test_events_are_appended_with_ids_of_the_client() -> None:
    receipt = {"id": "e1", "type": "a.b", "source": "shop", "timestamp": AT, "created_at": AT}
    appended = {"source": "shop", "stream_id": "order/1", "version": 4, "events": [receipt]}
    bus = Bus(httpx.Response(503), appended)
    events = [NewEvent(type="a.b", payload={})]
    found = bus.client.streams.append("order/1", events, expected_version=3)
    assert found.version == 4
    assert found.events[0].id == "e1"
    assert bus.bodies[0] == bus.bodies[1]
    assert bus.bodies[0]["expected_version"] == 3
    assert bus.bodies[0]["stream_id"] == "order/1"
    assert bus.bodies[0]["events"][0]["id"].startswith("evt_")


def test_an_append_to_another_version_is_a_conflict() -> None:
    refusal = {"type": "urn:event-bus:problem:version-conflict", "title": "No", "status": 409}
    refusal["actual_version"] = 7
    bus = Bus(httpx.Response(409, json=refusal))
    with pytest.raises(VersionConflict) as refused:
        bus.client.streams.append("order/1", [NewEvent(type="a.b", payload={})])
    assert refused.value.actual_version == 7


def test_a_stream_is_read_in_pages() -> None:
    def page(version: int, cursor: str | None) -> dict[str, Any]:
        event: dict[str, Any] = {
            "id": f"e{version}",
            "type": "a.b",
            "source": "shop",
            "timestamp": AT,
        }
        event |= {"timestamp": AT, "created_at": AT, "processed": True}
        event |= {"payload": {}, "metadata": {}}
        return {"items": [{"version": version, "event": event}], "next_cursor": cursor}

    bus = Bus(page(1, "next"), page(2, None))
    found = list(bus.client.streams.read("order/1", from_version=1))
    assert [(each.version, each.event.id) for each in found] == [(1, "e1"), (2, "e2")]
    assert bus.requests[0].url.params["stream_id"] == "order/1"
    assert bus.requests[1].url.params["cursor"] == "next"


@event_type("order.refunded")
class OrderRefunded(BaseModel):
    total: int


def test_a_model_is_registered_as_the_schema_of_its_type() -> None:
    bus = Bus({"version": 1}, {"validation": "enforce"})
    assert bus.client.schemas.register(OrderRefunded, validation="enforce") == {"version": 1}
    assert [each.url.path for each in bus.requests] == [
        "/schemas/order.refunded/versions",
        "/schemas/order.refunded",
    ]
    assert bus.bodies == [
        {"schema": OrderRefunded.model_json_schema()},
        {"validation": "enforce"},
    ]
