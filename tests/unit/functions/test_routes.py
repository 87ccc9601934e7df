"""Every operation has a function that answers it."""

from typing import Any

import pytest
from event_bus.api.operations.registry import OPERATIONS

from tests.builders import AN_ADMIN
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


@pytest.mark.parametrize("route", OPERATIONS, ids=lambda route: route.key)
def test_no_operation_ignores_an_unknown_query_parameter(functions: Functions, route: Any) -> None:
    if route.members:
        pytest.skip("its parameters are names of members")
    parameters = dict.fromkeys(route.path_parameters, "x")
    answer = functions.request(
        route.function, route.key, AN_ADMIN, {}, query={"foo": "1"}, parameters=parameters
    )
    assert answer.status == 400, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    fault = next(each for each in answer.body["errors"] if each["pointer"] == "foo")
    known = sorted(each.name for each in route.query)
    others = f"known are {', '.join(known)}" if known else "there are no parameters"
    assert fault["detail"] == f"is not known; {others}"
