"""Health and the API's own description, on the deployed bus."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from event_bus.api.description import describe
from event_bus.api.operation import Operation
from event_bus.api.operations.registry import OPERATIONS
from event_bus.inbox.sse_format import MEDIA_TYPE
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from localstack.bus import LocalBus
from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import World
from tests.unit.functions.test_description import ANSWERED_IN_JSON


@pytest.mark.parametrize("part", ["live", "ready", "broker", "database"])
def test_health_is_public_and_passes(world: World, part: str) -> None:
    answer = world.anonymous().get(f"/health/{part}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/health+json"
    assert answer.json()["status"] == "pass"
    assert {check["status"] for check in answer.json()["checks"].values()} <= {"pass"}


@contextmanager
def misled(bus: LocalBus, variable: str, value: str) -> Iterator[None]:
    """The status function, with the name of a resource that does not exist."""
    functions = bus.client("lambda")
    pages = functions.get_paginator("list_functions").paginate()
    name = next(
        each["FunctionName"]
        for page in pages
        for each in page["Functions"]
        if "StatusFunction" in each["FunctionName"]
    )
    told = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def tell(variables: dict[str, str]) -> None:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}
        )

    tell({**told, variable: value})
    try:
        yield
    finally:
        tell(told)


@pytest.mark.parametrize(
    ("variable", "value", "failing", "passing"),
    [
        ("EVENTS_TABLE", "no-such-table", "database", "unroutable-events"),
        ("HTTP_LANE_URL", "http://localhost/000000000000/no-such-queue", "broker", "events-table"),
    ],
)
def test_health_fails_with_its_components(
    world: World, variable: str, value: str, failing: str, passing: str
) -> None:
    client = world.anonymous()
    with misled(world.bus, variable, value):
        eventually(lambda: client.get(f"/health/{failing}").status_code == 503)
        for part in (failing, "ready"):
            answer = client.get(f"/health/{part}")
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/health+json"
            assert answer.json()["status"] == "fail"
            assert value not in answer.text
        assert client.get("/health/ready").json()["checks"][passing]["status"] == "pass"
        assert client.get("/health/live").status_code == 200
    eventually(lambda: client.get("/health/ready").status_code == 200)


def test_the_description_is_public_and_true(world: World) -> None:
    answer = world.anonymous().get("/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == describe(world.bus.api_url)
    [server] = answer.json()["servers"]
    assert httpx.get(f"{server['url']}/health/live").status_code == 200


def test_unknown_paths_and_methods_are_not_found(world: World) -> None:
    problem(world.anonymous().get("/nothing/here"), 404)
    problem(world.admin.http.put("/events", json={}), 404)
    problem(world.admin.http.delete("/openapi.json"), 404)


@pytest.fixture(scope="module")
def schema(bus: LocalBus) -> schemathesis.BaseSchema:
    """The description, read once for all routes."""
    described = describe()
    for path in described["paths"].values():
        for operation in path.values():
            # It reads this schema as that of each event, as in OpenAPI 3.2; the description, of
            # OpenAPI 3.1, gives that of the whole text.
            content = operation["responses"].get("200", {}).get("content", {})
            content.get(MEDIA_TYPE, {}).pop("schema", None)
    read = schemathesis.openapi.from_dict(described)
    read.config.update(base_url=bus.api_url)
    return read


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Connections that all requests share."""
    with requests.Session() as opened:
        yield opened


@pytest.mark.parametrize("route", OPERATIONS, ids=lambda route: route.key)
def test_the_api_keeps_to_its_description(
    schema: schemathesis.BaseSchema, world: World, session: requests.Session, route: Operation
) -> None:
    operation = schema[route.path][route.method]

    # `tests/unit/functions/test_description.py` sends more to those whose answers are JSON.
    examples = 2 if route in ANSWERED_IN_JSON else 8

    @given(case=operation.as_strategy())
    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def check(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(
            headers={"x-api-key": world.bus.admin_api_key},
            timeout=30,
            session=session,
            checks=[
                not_a_server_error,
                status_code_conformance,
                content_type_conformance,
                response_schema_conformance,
            ],
        )

    check()
