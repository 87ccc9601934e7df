"""An inbox returns its own events, and refuses positions that it never held."""

from typing import Any

import pytest
from event_bus.model.delivery import DeliveryKey
from event_bus.stores.inbox_cursors import InboxCursor
from event_bus.targets.inbox import InboxTarget

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import event, service, subscription
from tests.handlers import FunctionAnswer, Functions
from tests.memory_aws import aws
from tests.requests import http_request

__all__ = ["aws"]

OWNER = service("worker")
PATH = {"id": "sub_1"}
FETCH, ACKNOWLEDGE = "GET /subscriptions/{id}/events", "POST /subscriptions/{id}/ack"
STREAM = "GET /subscriptions/{id}/stream"


@pytest.fixture(autouse=True)
def two_events(aws: Aws) -> None:
    aws.subscriptions.create(subscription("sub_1", target=InboxTarget("pull")))
    for name in ("evt_1", "evt_2"):
        aws.events.put(event(name), RETENTION_DAYS)
        aws.inboxes.append("sub_1", [DeliveryKey(name, "sub_1")])


def fetch(functions: Functions, **query: str) -> FunctionAnswer:
    return functions.request("inbox", FETCH, OWNER, parameters=PATH, query=query)


def acknowledge(functions: Functions, body: Any) -> FunctionAnswer:
    return functions.request("inbox", ACKNOWLEDGE, OWNER, body, parameters=PATH)


def test_a_place_beyond_the_end_is_refused(functions: Functions) -> None:
    for cursor, places in (("0", ["1", "2"]), ("1", ["2"]), ("2", [])):
        answer = fetch(functions, cursor=cursor)
        assert [each["cursor"] for each in answer.body["items"]] == places
        assert (answer.body["cursor"], answer.body["lease"]) == ("2", None)
    for cursor in ("3", "999999999999999"):
        answer = fetch(functions, cursor=cursor)
        assert answer.status == 400
        assert answer.body["errors"] == [
            {"pointer": "cursor", "detail": "is beyond the end of the inbox, which is 2"}
        ]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "1e1"},
        {"limit": "99999999999999999999"},
        {"lease": "0"},
        {"lease": "901"},
        {"lease": "-1"},
        {"lease": "1.5"},
        {"wait": "21"},
        {"wait": ""},
        {"cursor": "-1"},
        {"cursor": "1.0"},
        {"cursor": "1000000000000000"},
        {"cursor": "one"},
        {"cursor": "1", "lease": "30"},
    ],
)
def test_a_pull_out_of_bounds_is_refused(functions: Functions, query: dict[str, str]) -> None:
    answer = fetch(functions, **query)
    assert answer.status == 400
    assert answer.body["errors"][0]["pointer"] in query
    assert functions.aws.inbox_cursors.get("sub_1") == InboxCursor()


@pytest.mark.parametrize(
    "cursor",
    [1, 1.0, 1e300, -1, None, True, [], {}, "", "-1", "1.0", "1e0", " 1", "\u0661", "1" * 16],
)
def test_an_acknowledgement_of_what_is_no_place_is_refused(
    functions: Functions, cursor: Any
) -> None:
    taken = fetch(functions).body
    answer = acknowledge(functions, {"lease": taken["lease"], "cursor": cursor})
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/cursor")
    assert answer.body["errors"][0]["detail"] in (
        "must be a string",
        "must match the pattern ^[0-9]{1,15}$",
        "is required if extend is left out",
    )
    assert functions.aws.inbox_cursors.get("sub_1").acknowledged == 0


def test_an_acknowledgement_of_what_was_not_taken_is_refused(functions: Functions) -> None:
    taken = fetch(functions, limit="1").body
    lease = taken["lease"]
    for cursor in ("0", "2", "3", "50"):
        answer = acknowledge(functions, {"lease": lease, "cursor": cursor})
        assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/cursor")
    assert acknowledge(functions, {"lease": lease + "x", "cursor": "1"}).status == 409
    assert functions.aws.inbox_cursors.get("sub_1").acknowledged == 0
    for _ in range(2):
        assert acknowledge(functions, {"lease": lease, "cursor": "1"}).status == 204
    second = fetch(functions).body
    assert [each["cursor"] for each in second["items"]] == ["2"]
    assert fetch(functions).status == 409


def test_a_lease_is_extended_with_an_acknowledgement_or_without(functions: Functions) -> None:
    taken = fetch(functions, lease="60").body
    lease, cursors = taken["lease"], functions.aws.inbox_cursors
    first = cursors.get("sub_1").lease_until
    assert acknowledge(functions, {"lease": lease, "extend": 900}).status == 204
    assert cursors.get("sub_1").lease_until >= first + 800
    assert acknowledge(functions, {"lease": lease, "cursor": "1", "extend": 5}).status == 204
    assert cursors.get("sub_1").lease_until < first
    assert cursors.get("sub_1").acknowledged == 1
    for wrong in (0, -1, 901, "5", 1.5, True):
        for place in ({}, {"cursor": "2"}):
            answer = acknowledge(functions, {"lease": lease, "extend": wrong, **place})
            assert answer.status == 422
            assert [each["pointer"] for each in answer.body["errors"]] == ["/extend"]
    neither = acknowledge(functions, {"lease": lease})
    assert (neither.status, neither.body["errors"][0]["pointer"]) == (422, "/cursor")
    assert cursors.get("sub_1").acknowledged == 1
    assert acknowledge(functions, {"lease": lease, "cursor": "2", "extend": 5}).status == 204
    assert acknowledge(functions, {"lease": lease, "extend": 5}).status == 409


def test_a_stream_that_was_never_so_far_begins_anew(functions: Functions) -> None:
    def turn(last_id: str | None, **query: str) -> Any:
        headers = {"last-event-id": last_id} if last_id else {}
        request: Any = {"headers": headers, "query": {"wait": "0", **query}, "parameters": PATH}
        return functions.invoke("inbox", http_request(STREAM, caller=OWNER, **request))

    for answer in (turn("3"), turn("sub_2.1"), turn(None, cursor="3"), turn("9", cursor="1")):
        assert answer["statusCode"] == 200
        assert "event: eventbus.stream.reset" in answer["body"]
        assert "id: 2\n" in answer["body"]
    assert turn(None, cursor="x")["statusCode"] == 400
    assert "event: task.created" in turn("1")["body"]
    assert turn(None)["body"].endswith("id: 2\n\n")
