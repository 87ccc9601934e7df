"""An audit entry has the reason of a denial, by which denials are counted."""

from typing import Any, get_args

import orjson
import pytest
from event_bus.access.callers import Caller
from event_bus.errors import Reason
from event_bus.model.api_keys import ApiKey
from event_bus.model.rights import Grant
from event_bus.settings import settings

from tests.builders import AN_ADMIN, NOON, service
from tests.handlers import Functions
from tests.requests import http_request

LIST, PUBLISH, REGISTER = "GET /events", "POST /events", "POST /publishers"
SUBSCRIBE, MAKE_KEY, LISTEN = "POST /subscriptions", "POST /publishers/{id}/keys", "GET /stream"
FUNCTIONS = {
    LIST: "events",
    PUBLISH: "publish",
    REGISTER: "registry",
    SUBSCRIBE: "registry",
    MAKE_KEY: "keys",
    LISTEN: "inbox",
}
EVENT = {"type": "task.created", "payload": {}}
SUBSCRIPTION = {"event_types": ["task.*"], "target": {"type": "pull"}}
READER = Caller("planner", "service", scopes=frozenset({"read"}))
MANAGER = Caller("planner", "service", scopes=frozenset({"manage"}), key_id="ebk_1")
LISTENER = Caller("planner", "listener")
PLANNER = {
    "service_id": "planner",
    "name": "Planner",
    "event_types": ["plan.made"],
    "stream_categories": ["task"],
}
DENIALS: list[tuple[str, dict[str, str], Any, str]] = [
    (LIST, {}, None, "no_key"),
    (LIST, {"reason": "bad_key"}, None, "bad_key"),
    (LISTEN, {"reason": "bad_token"}, None, "bad_token"),
    (LIST, {"reason": "unknown_principal"}, None, "unknown_principal"),
    (LIST, LISTENER.context(), None, "scope"),
    (PUBLISH, READER.context(), EVENT, "scope"),
    (MAKE_KEY, MANAGER.context(), {"scopes": ["publish"]}, "scope"),
    (MAKE_KEY, MANAGER.context(), {"scopes": ["manage"], "rate_limit": 9}, "admin"),
    (REGISTER, service().context(), {}, "admin"),
    (PUBLISH, service().context(), {**EVENT, "source": "shop"}, "other_service"),
    (SUBSCRIBE, service().context(), {**SUBSCRIPTION, "service_id": "shop"}, "other_service"),
    (PUBLISH, service().context(), EVENT, "event_type"),
    (PUBLISH, AN_ADMIN.context(), {**EVENT, "type": "eventbus.made"}, "event_type"),
    (
        PUBLISH,
        service().context(),
        {"type": "plan.made", "payload": {}, "stream": {"id": "order/1"}},
        "stream_category",
    ),
    (SUBSCRIBE, service("deaf").context(), SUBSCRIPTION, "receive_type"),
    (PUBLISH, AN_ADMIN.context(), [{}, EVENT, {**EVENT, "type": "eventbus.made"}], "event_type"),
]


def told(functions: Functions, route: str, context: dict[str, str], body: Any) -> dict[str, Any]:
    """The entry that a request leaves."""
    text = None if body is None else orjson.dumps(body).decode()
    event = http_request(route, body=text, parameters={"id": "planner"})
    event["requestContext"]["authorizer"] = {"lambda": context}
    functions.invoke(FUNCTIONS[route], event)
    [entry] = map(orjson.loads, functions.aws.take(settings().audit_queue_url))
    found: dict[str, Any] = entry
    return found


@pytest.mark.parametrize(("route", "context", "body", "reason"), DENIALS)
def test_a_denial_says_why(
    functions: Functions, route: str, context: dict[str, str], body: Any, reason: str
) -> None:
    functions.request("registry", REGISTER, AN_ADMIN, PLANNER)
    functions.aws.add_keys(ApiKey("ebk_1", "planner", NOON, scopes=("manage",)))
    functions.aws.rights.put(Grant("deaf", ["order.*"]))
    functions.aws.take(settings().audit_queue_url)
    entry = told(functions, route, context, body)
    assert (entry["status"], entry["details"]["reason"]) == ("denied", reason)


def test_every_reason_is_one_that_somebody_may_meet() -> None:
    assert {reason for *_, reason in DENIALS} == set(get_args(Reason))


def test_an_entry_of_a_failed_request_has_no_reason(functions: Functions) -> None:
    entry = told(functions, SUBSCRIBE, service().context(), {})
    assert entry["status"] == "failure"
    assert "reason" not in entry["details"]


def test_a_batch_of_which_nothing_was_denied_leaves_no_entry(functions: Functions) -> None:
    answer = functions.request("publish", PUBLISH, AN_ADMIN, [EVENT, {"type": "no type"}])
    assert (answer.status, answer.body["accepted"]) == (207, 1)
    assert functions.aws.take(settings().audit_queue_url) == []
