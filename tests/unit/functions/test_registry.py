"""Services register over HTTP, and see their keys and secrets once."""

import json
from typing import Any

import pytest

from tests.builders import AN_ADMIN, service
from tests.handlers import FunctionAnswer, Functions

SUBSCRIPTION = {"event_types": ["task.*"], "callback_url": "https://worker.example/events"}


def register_publisher(functions: Functions, service_id: str) -> FunctionAnswer:
    body = {"service_id": service_id, "event_types": ["task.*"]}
    return functions.request("registry", "POST /publishers", AN_ADMIN, body)


def subscribe(functions: Functions, **members: Any) -> FunctionAnswer:
    body = {**SUBSCRIPTION, **members}
    return functions.request("registry", "POST /subscriptions", service("worker"), body)


def test_a_publisher_is_created_where_it_says(functions: Functions) -> None:
    created = register_publisher(functions, "planner")
    assert created.status == 201
    assert created.headers["location"] == "/publishers/planner"
    key = created.body["authentication"]["api_key"]
    shown = functions.request(
        "registry", "GET /publishers/{id}", AN_ADMIN, parameters={"id": "planner"}
    )
    assert shown.status == 200
    assert key not in str(shown.body)


def test_publishers_are_paged_through(functions: Functions) -> None:
    for service_id in "abcde":
        register_publisher(functions, service_id)
    seen: list[str] = []
    query = {"limit": "2"}
    for _ in range(3):
        answer = functions.request("registry", "GET /publishers", AN_ADMIN, query=query)
        seen += [each["id"] for each in answer.body["items"]]
        query["cursor"] = answer.body["next_cursor"]
    assert seen == list("abcde")
    assert query["cursor"] is None


def test_a_removed_publisher_is_gone(functions: Functions) -> None:
    register_publisher(functions, "planner")
    where = {"parameters": {"id": "planner"}}
    removed = functions.request("registry", "DELETE /publishers/{id}", AN_ADMIN, **where)
    assert (removed.status, removed.body) == (204, None)
    again = functions.request("registry", "DELETE /publishers/{id}", AN_ADMIN, **where)
    assert again.status == 404


def test_a_subscription_is_created_where_it_says(functions: Functions) -> None:
    created = subscribe(functions)
    assert created.status == 201
    assert created.headers["location"] == f"/subscriptions/{created.body['id']}"
    secret = created.body["signing_secret"]
    shown = functions.request(
        "registry",
        "GET /subscriptions/{id}",
        service("worker"),
        parameters={"id": created.body["id"]},
    )
    assert shown.status == 200
    assert secret not in str(shown.body)


def test_a_subscription_is_changed_and_removed(functions: Functions) -> None:
    where = {"parameters": {"id": subscribe(functions).body["id"]}}
    worker = service("worker")
    route = "PATCH /subscriptions/{id}"
    changed = functions.request("registry", route, worker, {"status": "disabled"}, **where)
    assert (changed.status, changed.body["status"]) == (200, "disabled")
    assert "signing_secret" not in changed.body
    removed = functions.request("registry", "DELETE /subscriptions/{id}", worker, **where)
    assert removed.status == 204
    assert functions.request("registry", route, worker, {}, **where).status == 404


@pytest.mark.parametrize(
    ("query", "count"),
    [({}, 2), ({"event_type": "role.made"}, 1), ({"status": "active"}, 2), ({"limit": "1"}, 1)],
)
def test_subscriptions_are_listed(functions: Functions, query: dict[str, str], count: int) -> None:
    subscribe(functions)
    subscribe(functions, event_types=["*"])
    answer = functions.request("registry", "GET /subscriptions", service("worker"), query=query)
    assert answer.status == 200
    assert len(answer.body["items"]) == count
    assert (answer.body["next_cursor"] is not None) is ("limit" in query)
    assert "whsec_" not in str(answer.body)


def test_a_page_that_a_function_could_not_answer_with_is_cut_and_leads_on(
    functions: Functions,
) -> None:
    filters = {"task.created": {"name": [f"{number}{'x' * 200}" for number in range(290)]}}
    made = [subscribe(functions, event_types=["task.*"], filters=filters) for _ in range(90)]
    assert {each.status for each in made} == {201}, made[0].body
    query = {"limit": "100"}
    pages: list[list[str]] = []
    while True:
        answer = functions.request("registry", "GET /subscriptions", service("worker"), query=query)
        # A function may answer with 6 MB.
        assert len(json.dumps(json.dumps(answer.body))) < 6_000_000
        pages.append([each["id"] for each in answer.body["items"]])
        if answer.body["next_cursor"] is None:
            break
        query["cursor"] = answer.body["next_cursor"]
    assert len(pages) == 2
    assert [each for page in pages for each in page] == [each.body["id"] for each in made]


@pytest.mark.parametrize("query", [{"status": "deleted"}, {"type": "x"}, {"cursor": "x"}])
def test_a_query_that_cannot_be_read_is_a_400(functions: Functions, query: dict[str, str]) -> None:
    answer = functions.request("registry", "GET /subscriptions", AN_ADMIN, query=query)
    assert answer.status == 400
