"""Every function serves the routes that the table gives it."""

from typing import Any

import pytest
from event_bus.api.routes import ROUTES

from tests.handlers import Functions

FUNCTIONS = sorted({route.function for route in ROUTES})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_serves_its_routes_and_no_others(
    functions: Functions, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    served: dict[str, Any] = {}
    monkeypatch.setattr(
        functions.load(name), "answer", lambda _, operations: served.update(operations)
    )
    functions.invoke(name, {})
    assert set(served) == {route.key for route in ROUTES if route.function == name}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.key)
def test_only_public_routes_are_served_without_a_caller(functions: Functions, route: Any) -> None:
    answer = functions.request(route.function, route.key, body={}, parameters={"id": "x"})
    assert (answer.status == 401) is not route.public
    if not route.public:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")
