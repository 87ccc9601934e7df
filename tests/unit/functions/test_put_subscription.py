"""A subscription under an identifier of the client's choice is registered once, and replaced."""

from typing import Any

import pytest
from event_bus.access.callers import Caller

from tests.builders import AN_ADMIN, service
from tests.handlers import FunctionAnswer, Functions

WORKER = service("worker")
WHERE = "worker.large-tasks"
BODY: dict[str, Any] = {
    "event_types": ["task.*"],
    "callback_url": "https://worker.example/events",
    "filters": {"task.*": {"size": [{"numeric": [">", 5]}]}},
    "rate_limit": 5,
}


def put(
    functions: Functions, body: Any, where: str = WHERE, caller: Caller = WORKER, **headers: str
) -> FunctionAnswer:
    given = {"content-type": "application/json"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    route = "PUT /subscriptions/{id}"
    return functions.request(
        "registry", route, caller, body, headers=given, parameters={"id": where}
    )


def ask(
    functions: Functions, method: str, where: str = WHERE, caller: Caller = WORKER
) -> FunctionAnswer:
    route = f"{method} /subscriptions/{{id}}"
    return functions.request("registry", route, caller, parameters={"id": where})


def test_it_is_registered_and_then_replaced(functions: Functions) -> None:
    made = put(functions, BODY)
    assert (made.status, made.body["id"]) == (201, WHERE)
    assert made.headers["location"] == f"/subscriptions/{WHERE}"
    assert made.body["signing_secret"]
    again = put(functions, BODY)
    assert again.status == 200
    assert "signing_secret" not in again.body
    assert again.body["filters"] == BODY["filters"]
    other = put(functions, {"event_types": ["role.*"], "callback_url": BODY["callback_url"]})
    assert other.status == 200
    shown = ask(functions, "GET").body
    # What is left out has its default again, and the rest is as it was.
    assert (shown["event_types"], shown["filters"], shown["rate_limit"]) == (["role.*"], {}, None)
    assert (shown["name"], shown["created_at"]) == ("worker", made.body["created_at"])
    assert len(list(functions.aws.subscriptions.of_service("worker"))) == 1


def test_one_that_the_bus_named_is_replaced_too(functions: Functions) -> None:
    made = functions.request("registry", "POST /subscriptions", WORKER, BODY).body["id"]
    assert put(functions, {**BODY, "name": "Other"}, made).body["name"] == "Other"


def test_nothing_is_replaced_where_the_client_says_so(functions: Functions) -> None:
    assert put(functions, BODY, if_none_match="*").status == 201
    refused = put(functions, {**BODY, "name": "Other"}, if_none_match="*")
    assert (refused.status, refused.body["type"]) == (
        412,
        "urn:event-bus:problem:precondition-failed",
    )
    assert ask(functions, "GET").body["name"] == "worker"
    assert put(functions, BODY, if_none_match='"tag"').status == 400


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"ordered": True}, "/ordered"),
        ({"service_id": "other"}, "/service_id"),
        ({"authentication": {"api_key": "a-key-that-was-chosen"}}, "/authentication"),
        ({"event_types": []}, "/event_types"),
        ({"callback_url": None, "target": {"type": "pull"}}, "/target/type"),
        ({"status": "disabled"}, "/status"),
    ],
)
def test_a_change_of_a_fixed_member_names_it(
    functions: Functions, change: dict[str, Any], pointer: str
) -> None:
    put(functions, BODY)
    refused = put(functions, {**BODY, **change})
    assert refused.status == 422
    assert refused.body["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("where", ["planner.tasks", "sub_01K0000000000000000000000", "worker"])
def test_anothers_identifier_gets_the_same_404_as_a_missing_one(
    functions: Functions, where: str
) -> None:
    body = {name: BODY[name] for name in ("event_types", "callback_url")}
    refused = put(functions, body, where)
    if where.startswith("planner"):
        assert put(functions, body, where, service("planner")).status == 201
        # The words do not tell whether there is one.
        assert put(functions, body, where).body["detail"] == refused.body["detail"]
    assert refused.status == 404
    assert "worker.NAME" in refused.body["detail"]


@pytest.mark.parametrize("name", ["", "a b", "a.b", "ü", "x" * 64, "a#b", "a/b"])
def test_a_name_has_a_form(functions: Functions, name: str) -> None:
    refused = put(functions, BODY, f"worker.{name}")
    assert refused.status == 422
    assert refused.body["errors"][0]["pointer"] == "id"


def test_an_admin_chooses_for_the_service_that_the_identifier_names(functions: Functions) -> None:
    made = put(functions, BODY, caller=AN_ADMIN)
    assert (made.status, made.body["service_id"]) == (201, "worker")
    assert made.body["authentication"]["api_key"]
    refused = put(functions, {**BODY, "service_id": "x"}, "worker.other", AN_ADMIN)
    assert refused.body["errors"][0]["pointer"] == "/service_id"


def test_an_identifier_is_used_once(functions: Functions) -> None:
    put(functions, BODY)
    assert ask(functions, "DELETE").status == 204
    refused = put(functions, BODY)
    assert refused.status == 409
    assert "choose another" in refused.body["detail"]
    assert ask(functions, "GET").status == 404
    assert put(functions, BODY, "worker.other").status == 201


@pytest.mark.moto
def test_a_provided_queue_has_a_name_that_sqs_takes(functions: Functions) -> None:
    body = {"event_types": ["task.*"], "target": {"type": "sqs", "managed": True}}
    queues = [
        put(functions, body, f"worker.{name}").body["target"]["queue"].rpartition(":")[2]
        for name in ("a", "a-redrive")
    ]
    assert len(set(queues)) == 2
    assert all(len(each) <= 72 and "." not in each for each in queues)
    assert put(functions, body, "worker.a").status == 200
    assert ask(functions, "DELETE", "worker.a").status == 204


def test_a_registration_that_names_a_url_alone_takes_no_replies(functions: Functions) -> None:
    target = {"type": "http", "url": BODY["callback_url"], "reply": True}
    with_replies = {name: value for name, value in BODY.items() if name != "callback_url"}
    assert put(functions, {**with_replies, "target": target}).status == 201
    assert put(functions, BODY).body["target"]["reply"] is False
