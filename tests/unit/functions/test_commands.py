"""Commands over the API: sent and answered, each by a service that may do so."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from event_bus import times
from event_bus.model.delivery import Routing

from tests.builders import AN_ADMIN, LATER, service
from tests.clock import pass_by
from tests.handlers import Functions
from tests.unit.functions.commanding import (
    ANALYST,
    GENERATOR,
    PAYLOAD,
    STRANGER,
    TYPE,
    cancel,
    handle,
    read,
    registered,
    reply,
    route,
    send,
)

__all__ = ["registered"]


def test_a_command_is_answered_by_its_handler(functions: Functions) -> None:
    sent = send(functions, metadata={"correlation_id": "req-1", "trace_id": "t"})
    assert (sent.status, sent.body["state"]) == (202, "accepted")
    assert sent.headers["location"] == "/commands/analyst:1"
    route(functions, "analyst:1")
    assert read(functions).body["handler"]["service_id"] == "generator"
    replied = reply(functions)
    assert (replied.status, replied.body["type"]) == (202, "analyst.commands.responses")
    assert replied.body["id"].startswith("generator:reply_")
    for caller in (ANALYST, GENERATOR, AN_ADMIN):
        found = read(functions, caller).body
        assert (found["state"], found["error"]) == ("succeeded", None)
        assert found["reply"]["payload"] == PAYLOAD
        assert found["replies"][0]["service_id"] == "generator"
    metadata = found["reply"]["metadata"]
    assert metadata == {
        "correlation_id": "req-1",
        "trace_id": "t",
        "causation_id": "analyst:1",
        "hop_count": 1,
        "reply_for": "analyst",
        "reply_status": "succeeded",
    }
    again = send(functions, metadata={"correlation_id": "req-1", "trace_id": "t"})
    assert (again.status, again.body["reply"]["id"]) == (200, replied.body["id"])


def test_only_the_service_of_its_address_receives_a_reply(functions: Functions) -> None:
    send(functions)
    answered = reply(functions).body["id"]
    for each in (ANALYST, STRANGER):
        body = {
            "event_types": ["analyst.commands.responses"],
            "target": {"type": "pull"},
        }
        made = functions.request("registry", "POST /subscriptions", each, body)
        assert made.status == 201
    event = functions.aws.events.get(answered)
    assert event
    functions.aws.log.latest()
    rules = functions.load("route")
    rules._router.view.refresh()
    [*matched] = rules._router._matched(event, rules._router._view(event))
    assert [each.service_id for each in matched] == ["analyst"]


def test_a_reply_is_given_once(functions: Functions) -> None:
    send(functions)
    first = reply(functions)
    assert (first.status, reply(functions).status) == (202, 200)
    assert reply(functions).body == first.body
    assert reply(functions, payload={"files": 4}).status == 409
    assert reply(functions, error={"title": "No"}).status == 409
    assert read(functions).body["reply"]["payload"] == PAYLOAD


def test_a_failure_is_a_problem(functions: Functions) -> None:
    send(functions)
    problem = {"type": "urn:no-template", "title": "No template", "status": 422, "tried": [1, 2]}
    assert reply(functions, error=problem).status == 202
    found = read(functions).body
    assert (found["state"], found["error"]) == ("failed", problem)
    assert found["reply"]["metadata"]["reply_status"] == "failed"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"payload": {}, "error": {"title": "No"}}, ""),
        ({"other": 1}, "/other"),
        ({"payload": []}, "/payload"),
        ({"payload": None}, ""),
        ({"error": {}}, "/error/title"),
        ({"error": {"title": "No", "status": 200}}, "/error/status"),
        ({"error": {"title": ""}}, "/error/title"),
        ({"error": {"title": "No", "detail": "x" * 9_000}}, "/error/detail"),
    ],
)
def test_a_reply_of_another_form_is_refused(
    functions: Functions, body: dict[str, Any], pointer: str
) -> None:
    send(functions)
    refused = reply(functions, **body)
    assert refused.status == 422
    assert pointer in [each["pointer"] for each in refused.body["errors"]]
    assert read(functions).body["state"] == "accepted"


def test_only_the_service_of_the_handler_replies(functions: Functions) -> None:
    send(functions)
    assert reply(functions, STRANGER).status == 404
    assert reply(functions, ANALYST).status == 403
    assert reply(functions, AN_ADMIN).status == 403
    route(functions, "analyst:1")
    assert [reply(functions, each).status for each in (STRANGER, ANALYST)] == [404, 403]
    assert read(functions, STRANGER).status == 404
    assert cancel(functions, STRANGER).status == 404
    assert cancel(functions, GENERATOR).status == 403
    assert read(functions, command="none").status == 404


def test_a_later_handler_neither_sees_nor_answers_earlier_commands(
    functions: Functions,
) -> None:
    send(functions)
    route(functions, "analyst:1")
    [own] = functions.aws.subscriptions.of_service("generator")
    path = {"id": own.id}
    functions.request("registry", "DELETE /subscriptions/{id}", GENERATOR, parameters=path)
    handle(functions, STRANGER, TYPE)
    assert functions.aws.events.get("analyst:1")
    assert reply(functions, GENERATOR).status == 202
    record = functions.aws.routings.get_many(["analyst:1"])["analyst:1"]
    assert isinstance(record, Routing)
    assert record.handler == own.id


def test_an_event_that_asks_for_no_reply_is_no_command(functions: Functions) -> None:
    functions.request(
        "publish", "POST /events", ANALYST, {"id": "e1", "type": "price.made", "payload": {}}
    )
    assert read(functions, command="e1").status == 404
    assert reply(functions, command="e1").status == 404
    refused = send(functions, id="e2", type="price.made")
    assert (refused.status, functions.aws.events.get("e2")) == (422, None)


def test_a_command_without_a_handler_is_refused_where_the_sender_says_so(
    functions: Functions,
) -> None:
    required = {"require_handler": "true"}
    refused = send(functions, type="command.other", query=required)
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (409, "/type")
    assert functions.aws.events.get("analyst:1") is None
    assert send(functions, type="command.other").status == 202
    # What is stored is answered as before.
    assert send(functions, type="command.other", query=required).status == 202
    batch = [{"type": TYPE, "payload": {}}, {"type": "command.x", "payload": {}}]
    answer = functions.request("publish", "POST /events", ANALYST, batch, query=required)
    assert [each["status"] for each in answer.body["results"]] == [202, 409]


@pytest.mark.parametrize(
    ("metadata", "pointer"),
    [
        ({"deadline": "soon"}, "/metadata/deadline"),
        ({"expect_replies": 2, "deadline": LATER}, "/metadata/expect_replies"),
        ({"expect_replies": 0}, "/metadata/expect_replies"),
        ({"expect_replies": 51}, "/metadata/expect_replies"),
        ({"reply_to": "not a type"}, "/metadata/reply_to"),
        ({"reply_to": "a" * 129}, "/metadata/reply_to"),
    ],
)
def test_a_command_that_could_not_be_answered_is_refused(
    functions: Functions, metadata: dict[str, Any], pointer: str
) -> None:
    refused = send(functions, metadata=metadata)
    assert refused.status == 422
    assert refused.body["errors"][0]["pointer"] == pointer
    assert functions.aws.events.get("analyst:1") is None


def test_a_reply_address_is_limited_to_what_its_sender_may_publish(functions: Functions) -> None:
    for address in ("order.paid", "stranger.commands.responses", "eventbus.x"):
        refused = send(functions, metadata={"reply_to": address})
        assert (refused.status, refused.body["errors"][0]["pointer"]) == (403, "/metadata/reply_to")
    for number, address in enumerate(("analyst.mine", "price.of_analyst")):
        metadata = {"reply_to": address, "reply_for": "stranger"}
        assert send(functions, id=f"c{number}", metadata=metadata).status == 202
        replied = reply(functions, command=f"c{number}")
        assert replied.body["type"] == address
        stored = functions.aws.events.get(replied.body["id"])
        assert stored
        # At another address than its own, it is an event like any.
        assert stored.audience == ("analyst" if address.startswith("analyst") else None)
        sent = functions.aws.events.get(f"c{number}")
        assert sent
        assert sent.audience is None


def test_a_request_gathers_a_reply_of_each_service(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    shops = [service(f"shop{number}") for number in range(4)]
    for each in shops:
        body = {"event_types": ["price.asked"], "target": {"type": "pull"}}
        assert functions.request("registry", "POST /subscriptions", each, body).status == 201
    deadline = {"deadline": times.after(60), "expect_replies": 3}
    for name in ("analyst:1", "analyst:2"):
        assert send(functions, id=name, type="price.asked", metadata=deadline).status == 202
    with ThreadPoolExecutor(4) as pool:
        statuses = list(
            pool.map(lambda each: reply(functions, each, payload={"by": each.service_id}), shops)
        )
    assert sorted(each.status for each in statuses) == [202, 202, 202, 409]
    found = read(functions).body
    assert (found["state"], len(found["replies"])) == ("succeeded", 3)
    assert {each["event"]["payload"]["by"] for each in found["replies"]} < {
        each.service_id for each in shops
    }
    # A service sees its own reply and no other one's.
    own = next(each for each in shops if each.service_id == found["replies"][0]["service_id"])
    assert len(read(functions, own).body["replies"]) == 1
    assert reply(functions, STRANGER).status == 404
    assert reply(functions, ANALYST).status == 403
    assert reply(functions, shops[0], command="analyst:2").status == 202
    pass_by(monkeypatch, 61)
    partial = read(functions, command="analyst:2").body
    assert (partial["state"], len(partial["replies"])) == ("expired", 1)
    assert "1 of 3 replies" in partial["error"]["detail"]


def test_replies_fit_into_an_answer(functions: Functions) -> None:
    metadata = {"expect_replies": 5, "deadline": LATER}
    send(functions, type="price.asked", metadata=metadata)
    services = [service(f"seller{number}") for number in range(5)]
    for each in services:
        handle(functions, each, "price.asked", handles=False)
    route(functions, "analyst:1")
    # Lambda escapes each quote and each backslash of an answer once more.
    payload = {"text": '"' * 450_000}
    for each in services:
        assert reply(functions, each, payload=payload).status == 202
    found = read(functions)
    assert len(json.dumps(json.dumps(found.body))) < 6_000_000
    shown = [each["event"].get("payload") for each in found.body["replies"]]
    assert shown == [payload, None, None, None, None]
    assert [each["service_id"] for each in found.body["replies"]] == [
        each.service_id for each in services
    ]
