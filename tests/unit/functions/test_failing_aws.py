"""If a call of AWS fails, in any way, the answer is a problem document that says what to do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError
from event_bus import times
from event_bus.api.operation import Operation
from event_bus.api.operations.registry import OPERATIONS
from event_bus.model.api_keys import proof_of_chosen
from event_bus.model.delivery import DeliveryKey
from event_bus.targets.inbox import InboxTarget

from tests.aws import Aws
from tests.builders import AN_ADMIN, key, publisher, service, subscription
from tests.handlers import Functions
from tests.requests import PATH_PARAMETERS, http_request

Failure = Callable[[str, dict[str, Any]], Exception]


def refused(code: str) -> Failure:
    def error(operation: str, _: dict[str, Any]) -> Exception:
        return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    return error


def canceled(code: str) -> Failure:
    """The refusal of a transaction for its first part, or of another write."""

    def error(operation: str, arguments: dict[str, Any]) -> Exception:
        if "TransactItems" not in arguments:
            return refused(f"{code}Exception")(operation, arguments)
        reasons = [{"Code": "None"} for _ in arguments["TransactItems"]]
        reasons[0] = {"Code": code}
        answer: Any = {
            "Error": {"Code": "TransactionCanceledException", "Message": "no"},
            "CancellationReasons": reasons,
        }
        return ClientError(answer, operation)

    return error


def raised(error: Exception) -> Failure:
    return lambda *_: error


FAILURES: dict[str, Failure] = {
    "throttled": refused("ThrottlingException"),
    "throughput": refused("ProvisionedThroughputExceededException"),
    "limit": refused("RequestLimitExceeded"),
    "conflict": canceled("TransactionConflict"),
    "part-throttled": canceled("ThrottlingError"),
    "part-without-capacity": canceled("ProvisionedThroughputExceeded"),
    "in-progress": refused("TransactionInProgressException"),
    "server": refused("InternalServerError"),
    "denied": refused("AccessDeniedException"),
    "missing": refused("ResourceNotFoundException"),
    "kms": refused("KMSInternalException"),
    "slow-down": refused("SlowDown"),
    "not-connected": raised(EndpointConnectionError(endpoint_url="https://aws")),
    "no-answer": raised(ReadTimeoutError(endpoint_url="https://aws")),
    "broken": raised(HTTPClientError(error="broken")),
    "no-aws": raised(ResponseParserError("<html>")),
}


MOST_CALLS = 8
"""At how many of its calls each operation is tried."""


class Faults:
    """What fails of the calls to AWS.

    Attributes:
        first: The number of the first call that fails; 0 for none. All later ones fail as well.
        failure: Makes the error of a call.
        calls: How many calls were made.
    """

    def __init__(self) -> None:
        self.first, self.failure, self.calls = 0, FAILURES["server"], 0

    def count(self, operation: str, arguments: dict[str, Any]) -> None:
        self.calls += 1
        if self.first and self.calls >= self.first:
            raise self.failure(operation, arguments)


class Failing:
    """A client whose calls may fail."""

    def __init__(self, client: Any, faults: Faults) -> None:
        self._client, self._faults = client, faults

    def __getattr__(self, name: str) -> Any:
        # The stand-ins do not have every call; those that they lack fail always.
        found = getattr(self._client, name, FAILURES["server"])
        if not callable(found) or name in ("meta", "exceptions"):
            return found

        def call(*given: Any, **arguments: Any) -> Any:
            self._faults.count(name, arguments)
            if found is FAILURES["server"]:
                raise found(name, arguments)
            return found(*given, **arguments)

        return call


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def aws(aws: Aws, faults: Faults) -> Aws:
    """AWS whose calls may fail."""
    clients: dict[str, Any] = {
        name: Failing(getattr(aws, name), faults)
        for name in ("dynamodb", "retrying", "s3", "sqs", "kms")
    }
    return replace(aws, **clients)


KEY = "the-key-of-the-planner"
PLANNER = service("planner", proof_of_chosen(KEY).id)
EVENT = {"id": "evt_3", "type": "task.created", "payload": {"status": "open"}}
SUBSCRIPTION = {"event_types": ["task.*"], "target": {"type": "pull"}}
BODIES: dict[str, Any] = {
    "POST /events": EVENT,
    "POST /streams/events": {"stream_id": "task/1", "events": [EVENT]},
    "POST /commands": {"id": "planner:1", "type": "command.pay", "payload": {}},
    "POST /events/{id}/reply": {"payload": {"paid": True}},
    "POST /subscriptions": SUBSCRIPTION,
    "PUT /subscriptions/{id}": SUBSCRIPTION,
    "PATCH /subscriptions/{id}": {"name": "other"},
    "POST /publishers": {"service_id": "planner", "name": "Planner", "event_types": ["task.*"]},
    "PATCH /publishers/{id}": {"name": "Other"},
    "POST /replays": {"from": "2026-01-01T00:00:00Z"},
    "POST /subscriptions/{id}/ack": {"cursor": "1", "lease": "lease_1"},
    "PUT /contexts/{name}/{key}": {"value": 2},
    "PUT /reducers/{category}": {"type": "merge"},
    "PUT /read-models/{category}": {"indexes": ["status"]},
    "POST /schemas/{type}/versions": {"schema": {"type": "object"}},
    "PATCH /schemas/{type}": {"validation": "warn"},
    "PUT /subscribers/{id}": {"receives": ["task.*"]},
    "PATCH /streams": {"truncate_before": 1},
}


@pytest.fixture(autouse=True)
def filled(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bus that holds something of each kind which the paths name."""
    monkeypatch.setattr(times, "sleep", lambda _: None)
    functions.aws.add_publishers(publisher("planner", "*"))
    functions.aws.put_keys(key(KEY))
    made = {"stream_id": "task/1", "events": [{**EVENT, "id": "evt_1"}]}
    assert functions.request("publish", "POST /streams/events", PLANNER, made).status == 202
    for route, body in BODIES.items():
        if route.startswith("PUT /subscribers") or "{id}" in route:
            continue
        function = next(each.function for each in OPERATIONS if each.key == route)
        caller = AN_ADMIN if "publishers" in route else PLANNER
        functions.request(function, route, caller, body, parameters=PATH_PARAMETERS)
    made_by = functions.aws.subscriptions
    made_by.create(subscription("sub_1", service_id="planner", target=InboxTarget("pull")))
    functions.aws.inboxes.append("sub_1", [DeliveryKey("evt_1", "sub_1")])


def paths(operation: Operation) -> dict[str, str]:
    if operation.key.partition(" ")[2].startswith("/subscriptions"):
        return {**PATH_PARAMETERS, "id": "sub_1"}
    if operation.key.partition(" ")[2].startswith(("/publishers", "/subscribers")):
        return {**PATH_PARAMETERS, "id": "planner"}
    if operation.key.partition(" ")[2].startswith("/commands"):
        return {**PATH_PARAMETERS, "id": "planner:1"}
    return PATH_PARAMETERS


REQUIRED = {"stream_id": "task/1", "types": "task.*"}


def ask(functions: Functions, operation: Operation) -> dict[str, Any]:
    query = {each.name: REQUIRED[each.name] for each in operation.query if each.required}
    if any(each.name == "wait" for each in operation.query):
        query["wait"] = "0"
    event = http_request(
        operation.key,
        caller=AN_ADMIN if operation.admin else PLANNER,
        body=orjson.dumps(BODIES.get(operation.key, {})).decode() if operation.body else None,
        query=query,
        parameters=paths(operation),
    )
    given: dict[str, Any] = functions.invoke(operation.function, event)
    return given


@pytest.mark.parametrize(
    ("place", "operation"), list(enumerate(OPERATIONS)), ids=[each.key for each in OPERATIONS]
)
def test_a_call_that_fails_is_answered_with_a_problem(
    functions: Functions, faults: Faults, place: int, operation: Operation
) -> None:
    faults.calls = 0
    ask(functions, operation)
    names = list(FAILURES)
    for number in range(1, min(faults.calls, MOST_CALLS) + 1):
        # Each operation meets other failures, each at another call.
        for shift in (0, len(names) // 2):
            name = names[(place + number + shift) % len(names)]
            faults.calls, faults.first, faults.failure = 0, number, FAILURES[name]
            given = ask(functions, operation)
            if given["statusCode"] < 400:
                continue
            problem = orjson.loads(given["body"])
            told = (number, name, problem)
            media_type = given["headers"]["content-type"]
            if operation.path.startswith("/health/"):
                assert (given["statusCode"], media_type) == (503, "application/health+json"), told
                continue
            assert media_type == "application/problem+json", told
            assert problem["status"] == given["statusCode"] != 500, told
            says_when = "retry-after" in given["headers"]
            # Some conflicts pass, such as one with the lease of another consumer.
            assert says_when == (problem["status"] == 503) or problem["status"] == 409, told
