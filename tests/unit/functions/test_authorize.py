"""The authorizer passes on the caller, or why there is none."""

from typing import Any

import pytest
from event_bus.model.api_keys import proof_of_chosen

from tests.aws import Aws
from tests.builders import key
from tests.handlers import Functions

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
