"""Functions answer random requests as the description of the API says."""

import json
from typing import Any
from urllib.parse import unquote

import pytest
import schemathesis
from event_bus.api.openapi import read_document
from event_bus.api.operation import Operation
from event_bus.api.operations.registry import OPERATIONS
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core import NotSet

from tests.answers import check_answer
from tests.builders import AN_ADMIN
from tests.handlers import Functions
from tests.requests import http_request


def answers_json(operation: Operation) -> bool:
    """Whether an operation answers with JSON, or with nothing."""
    described = read_document()["paths"][operation.path][operation.method.lower()]
    answers = described["responses"].values()
    return not any(
        media.startswith("text/") for each in answers for media in each.get("content", ())
    )


# Health checks ask AWS for what a test does not have.
ANSWERED_IN_JSON = [each for each in OPERATIONS if each.function != "status" and answers_json(each)]


@pytest.fixture(scope="module")
def schema() -> schemathesis.BaseSchema:
    """The description, read once for all operations."""
    return schemathesis.openapi.from_dict(read_document())


@pytest.mark.parametrize("operation", ANSWERED_IN_JSON, ids=lambda each: each.key)
def test_an_operation_keeps_to_its_description(
    functions: Functions, schema: schemathesis.BaseSchema, operation: Operation
) -> None:
    described = schema[operation.path][operation.method]

    @given(case=described.as_strategy())
    @settings(max_examples=8, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def check(case: schemathesis.Case[Any]) -> None:
        request = http_request(
            operation.key,
            caller=AN_ADMIN,
            body=None if isinstance(case.body, NotSet) else json.dumps(case.body),
            query={name: str(value) for name, value in case.query.items()},
            parameters={name: unquote(str(each)) for name, each in case.path_parameters.items()},
        )
        answer = functions.invoke(operation.function, request)
        status, body = answer["statusCode"], answer["body"]
        assert status < 500, body
        assert str(status) in described.definition.raw["responses"], body
        media_type = answer["headers"].get("content-type", "")
        if "json" in media_type or not body:
            parsed = json.loads(body or "null")
            check_answer(operation.method, operation.path, status, media_type, parsed)

    check()
