"""Every operation has a function that answers it."""

from typing import Any

import pytest
from event_bus.api.operations.registry import OPERATIONS

from tests.handlers import Functions

FUNCTIONS = sorted({operation.function for operation in OPERATIONS})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_answers_its_operations_and_no_others(functions: Functions, name: str) -> None:
    answered = functions.load(name).endpoint.functions
    assert {operation for operation, _ in answered.values()} == {
        operation for operation in OPERATIONS if operation.function == name
    }


@pytest.mark.parametrize("route", OPERATIONS, ids=lambda route: route.key)
def test_only_public_routes_are_served_without_a_caller(functions: Functions, route: Any) -> None:
    answer = functions.request(route.function, route.key, body={}, parameters={"id": "x"})
    assert (answer.status == 401) is not route.public
    if not route.public:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")
