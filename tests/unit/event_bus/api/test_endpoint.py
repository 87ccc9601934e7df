"""A request is read strictly, and every answer has the form that it should."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import orjson
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from event_bus.access.rate_limits import Allowance
from event_bus.api.api_gateway import handler_of, read_request
from event_bus.api.body import MAX_BODY_BYTES
from event_bus.api.endpoint import Endpoint, Function
from event_bus.api.operation import Operation
from event_bus.api.operations import events, inbox, publishing, status
from event_bus.api.parameters import Parameter, text
from event_bus.api.requests import MAX_ID_CHARACTERS, Request, Response
from event_bus.errors import (
    MAX_FAULTS,
    MAX_TEXT_CHARACTERS,
    Conflict,
    Fault,
    MalformedRequest,
    NotFound,
    Unauthenticated,
)
from event_bus.requests.validation import invalid

from tests.builders import AN_ADMIN, service
from tests.requests import http_request

SECRET = "a-secret-that-nobody-may-see"


def nobody(_: Mapping[str, Any]) -> Mapping[str, str]:
    return {}


def answer(event: dict[str, Any], functions: dict[Operation, Function]) -> dict[str, Any]:
    """The answer of a function that answers these operations."""
    recorder, repetitions = Mock(), Mock()
    endpoint = Endpoint(recorder=recorder, repetitions=repetitions)
    for operation, function in functions.items():
        endpoint.answers(operation)(function)
    return handler_of(endpoint, nobody)(event, None)


def answered(function: Function, **members: Any) -> tuple[int, dict[str, str], Any]:
    given = answer(http_request("GET /health/live", **members), {status.LIVE: function})
    return given["statusCode"], given["headers"], orjson.loads(given["body"] or "null")


def raising(error: Exception) -> Function:
    def operation(_: Request) -> Response:
        raise error

    return operation


def echo(request: Request) -> Response:
    return Response(200, request.json())


def test_an_answer_is_json() -> None:
    status, headers, body = answered(lambda _: Response(201, {"a": "ü"}, {"location": "/things/1"}))
    assert (status, body) == (201, {"a": "ü"})
    assert headers == {
        "content-type": "application/json",
        "location": "/things/1",
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
        "strict-transport-security": "max-age=63072000; includeSubDomains",
        "x-content-type-options": "nosniff",
    }


def test_an_answer_without_a_body_has_no_type() -> None:
    status, headers, body = answered(lambda _: Response(204))
    assert (status, body) == (204, None)
    assert "content-type" not in headers


def test_an_operation_may_set_its_own_headers() -> None:
    _, headers, _ = answered(lambda _: Response(200, {}, {"cache-control": "public"}))
    assert headers["cache-control"] == "public"


def test_a_refusal_is_a_problem_document() -> None:
    problem = Conflict("It is taken.", [Fault("/id", "is taken")], {"x-own": "1"})
    status, headers, body = answered(raising(problem), path="/things", request_id="r-1")
    assert status == 409
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-own"] == "1"
    assert headers["cache-control"] == "no-store"
    assert body == {
        "type": "urn:event-bus:problem:conflict",
        "title": Conflict.title,
        "status": 409,
        "detail": "It is taken.",
        "errors": [{"pointer": "/id", "detail": "is taken"}],
        "instance": "/things",
        "request_id": "r-1",
    }


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "Throttled", "Message": SECRET}}, "PutItem"),
        EndpointConnectionError(endpoint_url=SECRET),
        TimeoutError(SECRET),
    ],
    ids=["client", "connection", "timeout"],
)
def test_a_failed_service_behind_the_bus_is_a_503(error: Exception) -> None:
    status, headers, body = answered(raising(error))
    assert status == body["status"] == 503
    assert headers["retry-after"] == "1"
    assert headers["content-type"] == "application/problem+json"
    assert SECRET not in str(body)


@pytest.mark.parametrize("error", [ZeroDivisionError(SECRET), KeyError(SECRET), RecursionError()])
def test_an_unexpected_error_is_a_500_without_details(error: Exception) -> None:
    status, headers, body = answered(raising(error))
    assert status == body["status"] == 500
    assert headers["content-type"] == "application/problem+json"
    assert SECRET not in str(body)
    assert body["type"] == "urn:event-bus:problem:internal-error"


def test_a_route_that_no_operation_serves_is_a_404() -> None:
    given = answer(http_request("$default", path="/nowhere"), {})
    assert given["statusCode"] == 404
    assert orjson.loads(given["body"])["instance"] == "/nowhere"


@pytest.mark.parametrize("body", ['{"a": "ü"}', ' {"a": "ü"} '])
def test_a_body_is_read_as_text_and_as_base64(body: str) -> None:
    assert answered(echo, body=body)[2] == {"a": "ü"}
    encoded = base64.b64encode(body.encode()).decode()
    assert answered(echo, body=encoded, encoded=True)[2] == {"a": "ü"}


@pytest.mark.parametrize(
    ("body", "encoded"),
    [
        (None, False),
        ("", False),
        ("", True),
        ("{", False),
        ("not base64!", True),
        ("e30", True),
        (base64.b64encode(b'"\xff"').decode(), True),
        ('{"a": NaN}', False),
        ('"\ufffd"', False),
    ],
)
def test_a_body_that_cannot_be_read_is_a_400(body: str | None, encoded: bool) -> None:
    assert answered(echo, body=body, encoded=encoded)[0] == 400


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        (None, 200),
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("application/cloudevents+json", 200),
        ("application/merge-patch+json ; a=b", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonp", 415),
        ("", 415),
    ],
)
def test_only_json_is_read(media_type: str | None, status: int) -> None:
    headers = {} if media_type is None else {"content-type": media_type}
    assert answered(echo, body="{}", headers=headers)[0] == status


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413)])
@pytest.mark.parametrize("encoded", [False, True])
def test_a_body_has_a_size(size: int, status: int, encoded: bool) -> None:
    text = '"' + "x" * (size - 2) + '"'
    body = base64.b64encode(text.encode()).decode() if encoded else text
    assert answered(echo, body=body, encoded=encoded)[0] == status


def test_the_caller_is_the_one_that_the_authorizer_found() -> None:
    _, _, body = answered(
        lambda request: Response(200, request.caller.service_id), caller=service("planner")
    )
    assert body == "planner"


@pytest.mark.parametrize("authorizer", [None, {}, {"lambda": None}, {"lambda": {}}], ids=str)
def test_without_an_authorizer_there_is_no_caller(authorizer: Any) -> None:
    event = http_request("GET /events")
    event["requestContext"]["authorizer"] = authorizer
    request = read_request(event, nobody)
    with pytest.raises(Unauthenticated):
        _ = replace(request, identity=request.authenticate()).caller


A, B = text("a", "One."), text("b", "Another.")


def asked(query: dict[str, str] | None, *declared: Parameter[Any]) -> Request:
    """A request to an operation that has these query parameters."""
    request = read_request(http_request("GET /events", query=query), nobody)
    return replace(request, operation=replace(events.LIST, query=declared))


def test_a_signed_request_is_identified_and_counted() -> None:
    event = http_request("GET /events")
    event["requestContext"]["authorizer"] = {"iam": {"userArn": "arn:aws:iam::1:role/r"}}
    asked_for = []

    def identify(identity: Mapping[str, Any]) -> Mapping[str, str]:
        asked_for.append(identity["userArn"])
        return service("planner").context()

    request = read_request(event, identify)
    assert replace(request, identity=request.authenticate()).caller == service("planner")
    assert asked_for == ["arn:aws:iam::1:role/r"]


def test_a_caller_that_cannot_be_looked_up_is_answered_with_a_503() -> None:
    event = http_request("GET /events")
    event["requestContext"]["authorizer"] = {"iam": {"userArn": "arn:aws:iam::1:role/r"}}

    def identify(_: Mapping[str, Any]) -> Mapping[str, str]:
        raise EndpointConnectionError(endpoint_url=SECRET)

    endpoint = Endpoint(recorder=Mock(), repetitions=Mock())
    endpoint.answers(events.LIST)(echo)
    given = handler_of(endpoint, identify)(event, None)
    assert given["statusCode"] == 503
    assert SECRET not in given["body"]


def test_a_query_is_read() -> None:
    query = asked({"a": "1"}, A, B).query()
    assert (query[A], query.get(B)) == ("1", None)
    assert (A in query, B in query) == (True, False)
    assert asked(None, A).query().get(A) is None


@pytest.mark.parametrize("query", [{"c": "1"}, {"a": ""}, {"a": "1", "A": "1"}])
def test_a_parameter_that_is_not_known_or_empty_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(MalformedRequest) as refusal:
        asked(query, A, B).query()
    assert len(refusal.value.faults) == 1


def test_all_faults_of_a_query_are_reported_at_once() -> None:
    with pytest.raises(MalformedRequest) as refusal:
        asked({"a": "", "c": "1"}, A, replace(B, required=True)).query()
    assert {fault.pointer for fault in refusal.value.faults} == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("body", "status", "pointers"),
    [
        (None, 201, []),
        ("", 201, []),
        ("{}", 201, []),
        ('{"types": ["order.*"], "a/b": 1}', 422, ["/types", "/a~1b"]),
        ("[]", 422, [""]),
        ("null", 422, [""]),
        ("x", 400, None),
    ],
)
def test_an_operation_without_a_body_ignores_nothing_that_was_sent(
    body: str | None, status: int, pointers: list[str] | None
) -> None:
    # The token would permit more than its client has asked for.
    event = http_request(inbox.CREATE_LISTENER_TOKEN.key, caller=AN_ADMIN, body=body)
    made = Mock(return_value=Response(201, {}))
    given = answer(event, {inbox.CREATE_LISTENER_TOKEN: made})
    assert given["statusCode"] == status
    assert made.called == (status == 201)
    if pointers:
        faults = orjson.loads(given["body"])["errors"]
        assert [each["pointer"] for each in faults] == pointers


@pytest.mark.parametrize(("length", "status"), [(500, 200), (501, 400)])
def test_a_parameter_has_a_length(length: int, status: int) -> None:
    event = http_request("GET /events", caller=AN_ADMIN, query={"source": "x" * length})

    def function(request: Request) -> Response:
        return Response(200, request.query()[events.SOURCE])

    assert answer(event, {events.LIST: function})["statusCode"] == status


def test_an_identifier_in_the_path_is_read() -> None:
    event = http_request("GET /x/{id}", parameters={"id": "e" * MAX_ID_CHARACTERS})
    assert read_request(event, nobody).resource_id == "e" * MAX_ID_CHARACTERS


def test_no_resource_has_an_absurdly_long_identifier() -> None:
    event = http_request("GET /x/{id}", parameters={"id": "e" * (MAX_ID_CHARACTERS + 1)})
    with pytest.raises(NotFound):
        _ = read_request(event, nobody).resource_id


@pytest.mark.parametrize(("exceeded", "status"), [(False, 200), (True, 429)])
def test_a_counted_request_gets_its_remaining_rate(exceeded: bool, status: int) -> None:
    allowance = Allowance(100, 7, 3, exceeded)
    event = http_request("GET /events", caller=AN_ADMIN)
    event["requestContext"]["authorizer"]["lambda"] |= allowance.context()
    given = answer(event, {events.LIST: lambda _: Response(200, {})})
    assert given["statusCode"] == status
    assert given["headers"]["ratelimit-policy"] == '"key";q=100;w=10'
    assert given["headers"]["ratelimit"] == '"key";r=7;t=3'
    assert given["headers"].get("retry-after") == ("3" if exceeded else None)


def test_a_head_is_a_get_without_a_body() -> None:
    operations: dict[Operation, Function] = {events.LIST: lambda _: Response(200, {"items": []})}
    read = answer(http_request("GET /events", caller=AN_ADMIN), operations)
    head = answer(http_request("HEAD /events", caller=AN_ADMIN), operations)
    assert read["body"]
    assert head == {**read, "body": ""}


def test_a_head_has_no_other_operation() -> None:
    head = answer(http_request("HEAD /events", caller=AN_ADMIN), {publishing.PUBLISH: echo})
    assert (head["statusCode"], head["body"]) == (404, "")


def test_a_problem_lists_some_faults_and_counts_the_others() -> None:
    faults = [Fault(f"/{number}" + "x" * 2_000, "is wrong") for number in range(60_000)]
    status, _, body = answered(raising(invalid(faults)))
    assert status == 422
    assert len(body["errors"]) == MAX_FAULTS
    assert all(len(each["pointer"]) == MAX_TEXT_CHARACTERS for each in body["errors"])
    assert len(orjson.dumps(body)) < 100_000


def test_a_problem_says_how_many_more_there_are() -> None:
    _, _, body = answered(
        raising(invalid([Fault(f"/{number}", "is wrong") for number in range(60)]))
    )
    assert body["detail"] == "/0: is wrong (and 59 more)"
