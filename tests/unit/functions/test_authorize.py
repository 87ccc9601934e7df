"""The authorizer passes on the caller, or why there is none."""

import socket
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from event_bus.errors import Unavailable
from event_bus.model.api_keys import proof_of_chosen

from tests.aws import Aws
from tests.builders import key
from tests.handlers import Functions
from tests.requests import http_request

KEY = "the-key-of-the-planner"
ADMIN = {"service_id": "admin", "role": "admin", "key_id": "admin_version-1"}
PLANNER = {"service_id": "planner", "role": "service", "key_id": proof_of_chosen(KEY).id}


@pytest.mark.parametrize(
    ("headers", "context"),
    [
        ({"x-api-key": KEY}, PLANNER),
        ({"authorization": f"Bearer {KEY}"}, PLANNER),
        ({"x-api-key": "the-key-of-the-admin"}, ADMIN),
        ({"x-api-key": "unknown"}, {"reason": "bad_key"}),
        ({}, {"reason": "no_key"}),
        (None, {"reason": "no_key"}),
    ],
)
def test_every_request_passes_with_what_was_found_out(
    functions: Functions, aws: Aws, headers: Any, context: dict[str, str]
) -> None:
    aws.put_keys(key(KEY))
    answer = functions.invoke("authorize", {"headers": headers, "routeKey": "GET /events"})
    assert answer["isAuthorized"] is True
    found = answer["context"]
    counted = {name for name in found if name.startswith("rate_")}
    assert {name: found[name] for name in found.keys() - counted} == context
    # Whoever is known is counted.
    assert bool(counted) is ("role" in context)


@pytest.mark.parametrize(
    ("headers", "query", "reason"),
    [
        ({}, {}, "unknown_principal"),
        ({"x-api-key": "unknown"}, {}, "bad_key"),
        ({}, {"token": "unknown"}, "bad_token"),
    ],
)
def test_a_certificate_that_stands_for_no_service_is_not_taken_for_nobody(
    functions: Functions, headers: Any, query: Any, reason: str
) -> None:
    certified = {"authentication": {"clientCert": {"subjectDN": "CN=stranger"}}}
    request = {"headers": headers, "queryStringParameters": query, "requestContext": certified}
    answer = functions.invoke("authorize", request)
    assert answer["context"] == {"reason": reason}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (EndpointConnectionError(endpoint_url="dynamodb"), 503),
        (ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "GetItem"), 503),
        (ZeroDivisionError(), 500),
    ],
    ids=["connection", "throttled", "fault"],
)
def test_a_request_whose_caller_cannot_be_looked_up_gets_a_problem(
    functions: Functions, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def failing(*_: Any, **__: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(
        functions.load("authorize")._authenticator._keys.table.client, "get_item", failing
    )
    asked = {"headers": {"x-api-key": KEY}, "routeKey": "GET /events"}
    found = functions.invoke("authorize", asked)
    assert found["isAuthorized"] is True
    assert found["context"].keys() == {"problem"}
    event = http_request("GET /events")
    event["requestContext"]["authorizer"] = {"lambda": found["context"]}
    answer = functions.invoke("events", event)
    assert answer["statusCode"] == status
    assert answer["headers"]["content-type"] == "application/problem+json"
    # A handshake has no answer with a body, so API Gateway refuses it.
    with pytest.raises(type(error)):
        functions.invoke("authorize", {**asked, "methodArn": "arn:aws:execute-api:x"})


@pytest.mark.parametrize("asked", [{}, {"methodArn": "arn:aws:execute-api:x"}])
def test_a_caller_is_looked_up_in_time(
    functions: Functions, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(30)
        module = functions.load("authorize")
        monkeypatch.setattr(
            module._authenticator._keys.table.client, "get_item", lambda **_: ours.recv(1)
        )
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: 1_050)
        event = {"headers": {"x-api-key": KEY}, **asked}
        if asked:
            with pytest.raises(Unavailable):
                module.handler(event, context)
            return
        found = module.handler(event, context)
    assert found == {"isAuthorized": True, "context": {"problem": "unavailable"}}
