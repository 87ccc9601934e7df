"""Neither what events carry nor what proves a service is ever logged."""

import io
import json
from typing import Any

import pytest

from tests.builders import AN_ADMIN, SECRET, key, service, submission, subscription
from tests.faults import not_sent
from tests.handlers import Functions
from tests.hostile import answering, subscriber

KEY = "the-key-that-nobody-may-log"
VALUE = "the-value-that-nobody-may-log"
CHOSEN = "the-chosen-key-nobody-may-log"
TAKEN = "HTTP/1.1 204 No Content\r\n\r\n"
REFUSED = f"HTTP/1.1 500 {VALUE}\r\ncontent-length: {len(VALUE)}\r\n\r\n{VALUE}"


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


@pytest.mark.parametrize("answer", [TAKEN, REFUSED], ids=["taken", "refused"])
def test_the_way_of_an_event_is_logged_without_what_it_carries(
    functions: Functions, log: io.StringIO, answer: str
) -> None:
    functions.aws.put_keys(key(KEY))
    functions.invoke("authorize", {"headers": {"x-api-key": KEY}, "routeKey": "POST /events"})
    with subscriber(answering(answer)) as worker:
        made = functions.aws.signed(subscription(callback_url=worker.url))
        functions.aws.subscriptions.create(made)
        sent = submission(id="evt_1", payload={"a": VALUE}, metadata={"trace_id": "t-1"})
        assert functions.request("publish", "POST /events", AN_ADMIN, sent).status == 202
        functions.invoke("route", functions.stored("evt_1"))
        functions.invoke("deliver_http", functions.waiting(functions.lane))
        assert len(worker.requests) == 1
    logged = log.getvalue()
    for secret in (KEY, VALUE, SECRET, SECRET.removeprefix("whsec_"), key(KEY).hash):
        assert secret not in logged
    told = [line["message"] for line in lines(log) if line.get("event_id") == "evt_1"]
    assert told == ["event stored", "event matched", "delivery attempted"]
    assert all(line["trace_id"] == "t-1" for line in lines(log) if "event_id" in line)


def test_failures_are_logged_without_what_the_event_carries(
    functions: Functions, log: io.StringIO
) -> None:
    made = functions.aws.signed(subscription(callback_url="http://127.0.0.1:1/"))
    functions.aws.subscriptions.create(made)
    sent = submission(id="evt_1", payload={"a": VALUE})
    with not_sent(functions.aws.dynamodb, "PutItem"):
        functions.request("publish", "POST /events", AN_ADMIN, [sent])
    functions.request("publish", "POST /events", AN_ADMIN, sent)
    functions.invoke("route", functions.stored("evt_1"))
    batch = functions.waiting(functions.lane)
    with not_sent(functions.aws.dynamodb, "UpdateItem"):
        functions.invoke("deliver_http", batch)
    batch["Records"][0]["body"] = f'{{"event": "{VALUE}"}}'
    functions.invoke("deliver_http", batch)
    messages = {line["message"] for line in lines(log)}
    assert {"event not stored", "outcome not recorded", "message cannot be read"} <= messages
    for secret in (VALUE, SECRET):
        assert secret not in log.getvalue()


def test_registrations_are_logged_without_keys(functions: Functions, log: io.StringIO) -> None:
    authentication = {"type": "api_key", "api_key": CHOSEN}
    publisher = {
        "service_id": "planner",
        "event_types": ["task.*"],
        "authentication": authentication,
    }
    subscribing = {
        "event_types": ["task.*"],
        "callback_url": "https://worker.example/",
        "authentication": authentication,
    }
    thief = {**publisher, "service_id": "thief", "authentication": {"api_key": KEY}}
    functions.request("registry", "POST /publishers", AN_ADMIN, thief)
    for route, caller, body, status in (
        ("POST /publishers", AN_ADMIN, publisher, 201),
        ("POST /publishers", AN_ADMIN, {**publisher, "service_id": "other"}, 409),
        ("POST /subscriptions", service("planner", key(CHOSEN).id), subscribing, 201),
        ("POST /subscriptions", service("thief", key(KEY).id), subscribing, 409),
    ):
        answer = functions.request("registry", route, caller, body)
        assert answer.status == status
        secret = answer.body.get("signing_secret")
        assert secret is None or secret not in log.getvalue()
    with not_sent(functions.aws.dynamodb, "TransactWriteItems"):
        functions.request("registry", "POST /publishers", AN_ADMIN, publisher)
    assert CHOSEN not in log.getvalue()
    assert len(lines(log)) >= 5
