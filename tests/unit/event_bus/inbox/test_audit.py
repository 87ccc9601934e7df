"""What the audit log says of clients of the WebSocket API."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.errors import Conflict, Forbidden
from event_bus.inbox.audit import entry_of, refusal
from event_bus.inbox.conversation import MessageResult

from tests.builders import NOON, service

CALLER = service("worker", "ebk_1")
CONTEXT = {
    "requestId": "req_1",
    "connectionId": "con_1",
    "identity": {"sourceIp": "192.0.2.7", "userAgent": "test"},
}
DENIED = Forbidden("Not yours.", reason="bad_key")
REFUSED = Conflict("Too many.")


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "now", lambda: NOON)


def written(action: str, status: str, **members: Any) -> dict[str, Any]:
    """An entry of a message of the caller."""
    details = {"connection_id": "con_1", "key_id": "ebk_1", "route": "$default"}
    return {
        "id": "req_1",
        "timestamp": NOON,
        "action": action,
        "actor": "worker",
        "resource": None,
        "resource_type": action.partition(".")[0],
        "status": status,
        "ip_address": "192.0.2.7",
        **members,
        "details": details | members.get("details", {}),
    }


@pytest.mark.parametrize("known", [True, False])
def test_a_refused_connection_is_recorded(known: bool) -> None:
    details = {"connection_id": "con_1", "route": "$connect", "reason": "bad_key"}
    expected = written("websocket.connect", "denied", actor="worker" if known else "anonymous")
    expected["details"] = details | ({"key_id": "ebk_1"} if known else {})
    assert refusal(CONTEXT, CALLER if known else None, "bad_key") == expected


def test_a_client_that_begins_to_listen_is_recorded() -> None:
    taken = MessageResult("subscribe", listens=True, listener_id="sub_9")
    assert entry_of(CONTEXT, CALLER, taken) == written(
        "subscription.create", "success", resource="sub_9"
    )
    failed = replace(taken, listener_id=None, problem=REFUSED)
    assert entry_of(CONTEXT, CALLER, failed) == written(
        "subscription.create", "failure", details={"status_code": 409}
    )


@pytest.mark.parametrize(
    ("action", "recorded"),
    [("subscribe", "inbox.read"), ("ack", "inbox.acknowledge"), ("dance", "websocket.message")],
)
def test_a_denied_message_is_recorded(action: str, recorded: str) -> None:
    assert entry_of(CONTEXT, CALLER, MessageResult(action, problem=DENIED)) == written(
        recorded, "denied", details={"status_code": 403, "reason": "bad_key"}
    )


@pytest.mark.parametrize(
    "taken", [MessageResult("ack"), MessageResult("ack", problem=REFUSED), MessageResult()]
)
def test_other_messages_are_not_recorded(taken: MessageResult) -> None:
    assert entry_of(CONTEXT, CALLER, taken) is None


def test_a_context_may_lack_what_an_entry_names() -> None:
    entry = refusal({}, None, "no_key")
    assert (entry["id"], entry["ip_address"]) == ("", None)
    assert entry["details"] == {"route": "$connect", "reason": "no_key"}
