"""Entries of contexts are written, shown, listed and removed over HTTP."""

from typing import Any

import pytest
from event_bus.model.contexts import MAX_VALUE_BYTES

from tests.builders import AN_ADMIN, service
from tests.handlers import FunctionAnswer, Functions

BILLING = service("billing")
ENTRY = "/contexts/{name}/{key}"


def ask(
    functions: Functions,
    method: str,
    body: Any = None,
    *,
    name: str = "customers",
    key: str = "42",
    caller: Any = BILLING,
    **query: str,
) -> FunctionAnswer:
    return functions.request(
        *("registry", f"{method} {ENTRY}", caller, body),
        parameters={"name": name, "key": key},
        query=query,
    )


def listed(functions: Functions, **query: str) -> Any:
    answer = functions.request(
        *("registry", "GET /contexts/{name}", BILLING),
        parameters={"name": "customers"},
        query=query,
    )
    assert answer.status == 200
    return answer.body


def test_an_entry_is_written_read_and_removed(functions: Functions) -> None:
    first = ask(functions, "PUT", {"value": {"tier": "gold", "limit": 1.50}})
    assert (first.status, first.body["version"]) == (201, 1)
    again = ask(functions, "PUT", {"value": {"tier": "gold", "limit": 1.50}})
    assert (again.status, again.body) == (200, first.body)
    second = ask(functions, "PUT", {"value": None})
    assert (second.status, second.body["version"], second.body["value"]) == (200, 2, None)
    assert ask(functions, "GET").body == second.body
    assert ask(functions, "DELETE").status == 204
    assert ask(functions, "DELETE").status == ask(functions, "GET").status == 404
    assert ask(functions, "PUT", {"value": 1}).body["version"] == 1


def test_an_expected_version_guards_an_entry(functions: Functions) -> None:
    assert ask(functions, "PUT", {"value": 1, "expected_version": 1}).status == 409
    assert ask(functions, "PUT", {"value": 1, "expected_version": 0}).status == 201
    refused = ask(functions, "PUT", {"value": 2, "expected_version": 0})
    assert refused.status == 409
    assert "has the version 1, and not 0" in refused.body["detail"]
    assert ask(functions, "GET").body["value"] == 1
    assert ask(functions, "PUT", {"value": 2, "expected_version": 1}).body["version"] == 2


def test_entries_are_listed_page_by_page_without_their_values(functions: Functions) -> None:
    for key in ("b", "a@x.example", "c d"):
        ask(functions, "PUT", {"value": "secret"}, key=key)
    ask(functions, "PUT", {"value": 1}, name="customers2")
    first = listed(functions, limit="2")
    assert [each["key"] for each in first["items"]] == ["a@x.example", "b"]
    assert "value" not in first["items"][0]
    last = listed(functions, limit="2", cursor=first["next_cursor"])
    assert ([each["key"] for each in last["items"]], last["next_cursor"]) == (["c d"], None)


def test_only_its_service_uses_a_context(functions: Functions) -> None:
    ask(functions, "PUT", {"value": 1})
    other = service("shop")
    assert ask(functions, "GET", caller=other).status == 404
    assert ask(functions, "GET", caller=other, service_id="billing").status == 403
    assert ask(functions, "PUT", {"value": 2}, caller=other).status == 201
    assert ask(functions, "GET", service_id="billing").body["value"] == 1
    missing = ask(functions, "GET", caller=AN_ADMIN)
    assert (missing.status, missing.body["errors"][0]["pointer"]) == (400, "service_id")
    assert ask(functions, "GET", caller=AN_ADMIN, service_id="shop").body["value"] == 2
    unnamed = ask(functions, "PUT", {"value": 2}, caller=AN_ADMIN, service_id="a/b")
    assert unnamed.status == 400


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ({"name": "a b"}, "name"),
        ({"name": "-a"}, "name"),
        ({"key": ".."}, "key"),
        ({"key": "a/b"}, "key"),
        ({"key": "a\nb"}, "key"),
    ],
)
def test_a_name_that_cannot_be_is_refused(
    functions: Functions, where: dict[str, Any], named: str
) -> None:
    refused = ask(functions, "PUT", {"value": 1}, **where)
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (422, named)
    assert ask(functions, "GET", **where).status == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/value"),
        ({"value": "x" * MAX_VALUE_BYTES}, "/value"),
        ({"value": 1, "expected_version": -1}, "/expected_version"),
        ({"value": 1, "expected_version": "1"}, "/expected_version"),
        ({"value": 1, "version": 1}, "/version"),
    ],
)
def test_a_body_that_cannot_be_is_refused(functions: Functions, body: Any, pointer: str) -> None:
    refused = ask(functions, "PUT", body)
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (422, pointer)


def test_the_largest_value_is_taken(functions: Functions) -> None:
    assert ask(functions, "PUT", {"value": "x" * (MAX_VALUE_BYTES - 2)}).status == 201


def test_the_quota_of_context_entries_is_not_exceeded(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_bus.registry.contexts.MAX_ENTRIES", 2)
    for key in ("1", "2"):
        assert ask(functions, "PUT", {"value": 1}, key=key).status == 201
    refused = ask(functions, "PUT", {"value": 1}, key="3", name="prices")
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (409, "key")
    assert "billing has 2 entries in its contexts" in refused.body["detail"]
    # What exists may still change, and what is removed makes room.
    assert ask(functions, "PUT", {"value": 2}, key="2").status == 200
    assert ask(functions, "DELETE", key="1").status == 204
    assert ask(functions, "PUT", {"value": 1}, key="3", name="prices").status == 201
