"""Reducers are registered, versioned, shown and removed over HTTP."""

import re
from functools import partial
from typing import Any

import pytest
from event_bus import clients
from event_bus.model import reducer as model
from event_bus.registry import reducers as registering

from tests.builders import AN_ADMIN, NOON, service
from tests.handlers import Functions
from tests.interference import before_next
from tests.unit.functions.categories import PLANNER, ask_about

SUM = {"type": "jsonata", "expression": '{"total": state.total + event.payload.n}'}
MERGE = {"type": "merge"}
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:fold:3"

ask = partial(ask_about, "reducers")


def test_versions_are_numbered_and_repeated_ones_known(functions: Functions) -> None:
    first = ask(functions, "PUT", SUM)
    assert (first.status, first.body["version"]) == (201, 1)
    assert first.headers["location"] == "/reducers/task?source=planner"
    assert ask(functions, "PUT", SUM).status == 200
    second = ask(functions, "PUT", MERGE)
    assert (second.status, second.body["version"], second.body["type"]) == (201, 2, "merge")
    assert ask(functions, "GET").body == second.body
    assert ask(functions, "DELETE").status == 204
    assert ask(functions, "GET").status == 404
    assert ask(functions, "DELETE").status == 404
    # A number is not used again.
    assert ask(functions, "PUT", MERGE).body["version"] == 4
    history = ask(functions, "GET", below="/versions").body["items"]
    assert [(each["version"], each["type"]) for each in history] == [
        (4, "merge"),
        (3, None),
        (2, "merge"),
        (1, "jsonata"),
    ]
    assert ask(functions, "GET", below="/versions", category="other").status == 404


def test_history_and_lists_are_paged_through(functions: Functions) -> None:
    for body in (SUM, MERGE, SUM):
        ask(functions, "PUT", body)
    page = ask(functions, "GET", below="/versions", limit="2").body
    assert [each["version"] for each in page["items"]] == [3, 2]
    rest = ask(functions, "GET", below="/versions", limit="2", cursor=page["next_cursor"]).body
    assert ([each["version"] for each in rest["items"]], rest["next_cursor"]) == ([1], None)
    for category in ("b", "b.c", "a", "task2"):
        ask(functions, "PUT", MERGE, category=category)
    ask(functions, "PUT", MERGE, service("other"), category="a")
    ask(functions, "DELETE", category="b.c")
    listed: list[str] = []
    query = {"limit": "2"}
    while True:
        answer = functions.request("registry", "GET /reducers", PLANNER, query=query).body
        listed += [each["category"] for each in answer["items"]]
        if answer["next_cursor"] is None:
            break
        query["cursor"] = answer["next_cursor"]
    assert listed == ["a", "b", "task", "task2"]
    everyone = functions.request("registry", "GET /reducers", AN_ADMIN).body["items"]
    assert [each["source"] for each in everyone] == ["other", *["planner"] * 4]


def test_reducers_are_their_owners_and_admins_alone(functions: Functions) -> None:
    assert ask(functions, "PUT", MERGE, AN_ADMIN, source="planner").status == 201
    assert ask(functions, "GET").body["created_by"] == "admin"
    refused = ask(functions, "GET", caller=AN_ADMIN)
    assert [each["pointer"] for each in refused.body["errors"]] == ["source"]
    stranger = service("stranger")
    for method, body in (("PUT", SUM), ("GET", None), ("DELETE", None)):
        assert ask(functions, method, body, stranger, source="planner").status == 403
    assert ask(functions, "GET", caller=stranger).status == 404


@pytest.mark.parametrize(
    ("body", "pointer", "says"),
    [
        ({}, "/type", "required"),
        ({"type": "fold"}, "/type", "'merge'.*'jsonata'.*'lambda'"),
        ({"type": "merge", "expression": "1"}, "/expression", "not a known member"),
        ({"type": "jsonata"}, "/expression", "required"),
        ({"type": "jsonata", "expression": ""}, "/expression", "at least 1"),
        ({"type": "jsonata", "expression": "x" * 8193}, "/expression", "at most 8192"),
        ({"type": "jsonata", "expression": "state.a + "}, "/expression", "at character 10"),
        ({"type": "jsonata", "expression": "[$now()]"}, "/expression", r"\$now, at character 1"),
        ({"type": "jsonata", "expression": "(1; $f := $random)"}, "/expression", r"\$random"),
        ({"type": "jsonata", "expression": '$eval("$" & "now()")'}, "/expression", r"\$eval"),
        ({"type": "lambda"}, "/function", "required"),
        ({"type": "lambda", "function": FUNCTION, "expression": "1"}, "/expression", "not a known"),
        ({"type": "lambda", "function": "fold"}, "/function", "ARN"),
        ({"type": "lambda", "function": FUNCTION[:-2]}, "/function", "published version"),
        ({"type": "lambda", "function": f"{FUNCTION[:-2]}:live"}, "/function", "published version"),
        ({"type": "lambda", "function": f"{FUNCTION[:-2]}:$LATEST"}, "/function", "can change"),
        ({"type": "lambda", "function": FUNCTION[:-6] + "12"}, "/function", "published version"),
        (
            {"type": "lambda", "function": FUNCTION.replace("fold", "event-bus-local-x")},
            "/function",
            "must not be a resource of this bus",
        ),
        (
            {"type": "lambda", "function": FUNCTION, "role_arn": "arn:aws:iam::1:role/admin"},
            "/role_arn",
            "role",
        ),
    ],
)
def test_an_unusable_reducer_is_refused_with_its_place(
    functions: Functions, body: Any, pointer: str, says: str
) -> None:
    answer = ask(functions, "PUT", body)
    assert answer.status == 422
    [fault] = answer.body["errors"]
    assert fault["pointer"] == pointer
    assert re.search(says, fault["detail"]), fault


def test_a_function_with_a_role_gets_an_external_id_of_its_service(functions: Functions) -> None:
    role = "arn:aws:iam::000000000000:role/event-bus-fold"
    body = {"type": "lambda", "function": FUNCTION, "role_arn": role}
    made = ask(functions, "PUT", body)
    assert made.status == 201
    shown = {name: made.body[name] for name in ("type", "function", "role_arn", "expression")}
    assert shown == {**body, "expression": None}
    assert made.body["external_id"].endswith("/local/planner")
    assert ask(functions, "PUT", body).status == 200
    assert ask(functions, "GET").body == made.body
    # Another version of the function is another version of the reducer.
    other = {**body, "function": FUNCTION[:-1] + "4"}
    assert ask(functions, "PUT", other).body["version"] == 2


def test_a_function_is_opted_in_by_its_tag(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    tags: dict[str, str] = {}

    class Tagged:
        def list_tags(self, *, Resource: str) -> Any:  # noqa: N803
            asked.append(Resource)
            return {"Tags": tags}

    monkeypatch.setattr(clients, "of_service", lambda _: Tagged())
    refused = ask(functions, "PUT", {"type": "lambda", "function": FUNCTION})
    assert refused.status == 422
    [fault] = refused.body["errors"]
    assert fault["pointer"] == "/function"
    assert "opted in by its owner, by the tag event-bus-local" in fault["detail"]
    assert ask(functions, "GET").status == 404
    tags["event-bus-local"] = "target"
    assert ask(functions, "PUT", {"type": "lambda", "function": FUNCTION}).status == 201
    assert asked == [FUNCTION[:-2]] * 2


def test_a_text_may_name_what_an_expression_may_not_call(functions: Functions) -> None:
    text = """{"at": "it's $now()", `$random`: event.`$now`, "n": $nowhere /* $now() */}"""
    assert ask(functions, "PUT", {"type": "jsonata", "expression": text}).status == 201


@pytest.mark.parametrize("category", ["a/b", "a b", "-a", "x" * 65, "ä", "a#b"])
def test_a_category_that_none_can_be_is_refused(functions: Functions, category: str) -> None:
    answer = ask(functions, "PUT", MERGE, category=category)
    assert [each["pointer"] for each in answer.body["errors"]] == ["category"]


def test_a_service_has_so_many_reducers(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registering, "MAX_REDUCERS", 2)
    for category in ("a", "b"):
        assert ask(functions, "PUT", MERGE, category=category).status == 201
    answer = ask(functions, "PUT", MERGE, category="c")
    assert answer.status == 409
    assert "planner has 2 reducers" in answer.body["detail"]
    assert ask(functions, "PUT", SUM, category="a").status == 201
    ask(functions, "DELETE", category="a")
    assert ask(functions, "PUT", MERGE, category="c").status == 201
    assert model.MAX_REDUCERS == 100


@pytest.mark.parametrize(("most", "status"), [(2, 409), (3, 201)])
def test_overlapping_requests_do_not_exceed_the_limit_of_reducers(
    functions: Functions, monkeypatch: pytest.MonkeyPatch, most: int, status: int
) -> None:
    monkeypatch.setattr(registering, "MAX_REDUCERS", most)
    ask(functions, "PUT", MERGE, category="a")

    def meanwhile() -> None:
        assert ask(functions, "PUT", MERGE, category="b").status == 201

    before_next(functions.aws, monkeypatch, "transact_write_items", meanwhile)
    assert ask(functions, "PUT", MERGE, category="c").status == status
    assert len(functions.aws.reducers.page("planner", None, 9)) == most


def test_reducers_of_earlier_releases_count(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registering, "MAX_REDUCERS", 1)
    earlier = model.ReducerVersion("planner", "a", 1, model.Reducer("merge"), NOON, "planner")
    functions.aws.reducers.add(earlier)
    assert ask(functions, "PUT", MERGE, category="b").status == 409
    assert ask(functions, "DELETE", category="a").status == 204
    assert ask(functions, "PUT", MERGE, category="b").status == 201


def test_a_reducer_has_so_many_versions(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registering, "MAX_VERSIONS", 2)
    for reducer in (MERGE, SUM):
        assert ask(functions, "PUT", reducer).status == 201
    assert ask(functions, "PUT", SUM).status == 200
    refused = ask(functions, "PUT", MERGE)
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (409, "category")
    assert "has had 2 versions" in refused.body["detail"]
    assert ask(functions, "DELETE").status == 204
