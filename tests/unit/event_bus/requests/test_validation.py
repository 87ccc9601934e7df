"""A fault is named by where it is and what would be right."""

from typing import Any

import pytest
from event_bus.errors import InvalidRequest, pointer
from event_bus.inbox.messages import Subscribe
from event_bus.model.names import refuse_control_characters
from event_bus.registry.subscription_requests import (
    SubscriptionChange,
    SubscriptionRegistration,
)
from event_bus.requests.event import EventSubmission
from event_bus.requests.metadata import Metadata
from event_bus.requests.testing import SubscriptionTest
from event_bus.requests.validation import read
from pydantic import BaseModel

from tests.builders import submission


def faults(value: Any, at: str = "", model: type[BaseModel] = EventSubmission) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as refusal:
        read(model, value, at)
    return {fault.pointer: fault.detail for fault in refusal.value.faults}


@pytest.mark.parametrize(
    ("value", "where", "what"),
    [
        ({"payload": {}}, "/type", "is required"),
        ({"type": "task.created"}, "/payload", "is required"),
        (submission(sort="x"), "/sort", "is not a known member"),
        ({**submission(), "a/b~c": 1}, "/a~1b~0c", "is not a known member"),
        (submission(payload=[]), "/payload", "must be"),
        (submission(payload=None), "/payload", "must be"),
        (submission(type=7), "/type", "must be"),
        (submission(type="task..created"), "/type", "segments"),
        (submission(type="task.*"), "/type", "segments"),
        (submission(source="a b"), "/source", "letters, digits"),
        (submission(source=""), "/source", "letters, digits"),
        (submission(id="-x"), "/id", "letters, digits"),
        (submission(id="x" * 129), "/id", "letters, digits"),
        (submission(id="x\n"), "/id", "letters, digits"),
        (submission(timestamp="yesterday"), "/timestamp", "RFC 3339"),
        (submission(timestamp=1), "/timestamp", "must be"),
        (submission(metadata={"retry_count": "1"}), "/metadata/retry_count", "must be"),
        (submission(metadata={"retry_count": True}), "/metadata/retry_count", "must be"),
        (submission(metadata={"retry_count": -1}), "/metadata/retry_count", "greater than"),
        (submission(metadata={"correlation_id": None}), "/metadata/correlation_id", "null"),
        (submission(metadata={"trace_id": ""}), "/metadata/trace_id", "at least 1"),
        (submission(metadata={"trace_id": "x" * 257}), "/metadata/trace_id", "at most 256"),
        (submission(metadata={"reply_to": "a\nb"}), "/metadata/reply_to", "control"),
        (submission(metadata={"own": 1}), "/metadata/own", "must be"),
        (submission(metadata={"own": "x" * 1025}), "/metadata/own", "at most 1024"),
        (submission(metadata={"o/n": None}), "/metadata/o~1n", "must be"),
        (submission(metadata=[]), "/metadata", "must be"),
        ("text", "", "must be"),
        (None, "", "must be"),
        ([], "", "must be"),
    ],
)
def test_each_kind_of_fault_is_pointed_at(value: Any, where: str, what: str) -> None:
    found = faults(value)
    assert list(found) == [where]
    assert what in found[where]


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"event_types": []}, "must have at least 1 item, not 0"),
        ({"name": ""}, "must have at least 1 character"),
        ({"max_in_flight": 0}, "must be greater than or equal to 1"),
    ],
)
def test_a_detail_says_only_what_would_be_right(members: dict[str, Any], what: str) -> None:
    assert list(faults(members, "", SubscriptionChange).values()) == [what]


def test_a_member_whose_name_is_refused_is_pointed_at() -> None:
    part = {"type": "static", "value": 1}
    members = {"enrichment": {"Bad name": part, "[key]": part}, "[key]": 1}
    found = faults(members, "", SubscriptionChange)
    assert set(found) == {"/enrichment/Bad name", "/enrichment/[key]", "/[key]"}


def test_all_faults_are_told_at_once() -> None:
    found = faults({"type": "", "sort": 1})
    assert set(found) == {"/type", "/payload", "/sort"}


def test_the_first_fault_and_the_number_of_others_are_in_the_detail() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read(EventSubmission, {"type": "", "sort": 1})
    assert refusal.value.detail.startswith("/payload: ")
    assert refusal.value.detail.endswith("(and 2 more)")


def test_a_fault_in_a_batch_is_pointed_at_from_the_body() -> None:
    assert list(faults({"payload": {}}, "/7")) == ["/7/type"]
    assert list(faults("text", "/7")) == ["/7"]


def test_a_pointer_escapes_what_rfc_6901_says() -> None:
    assert pointer([]) == ""
    assert pointer(["a", 0, "b/c", "~1"]) == "/a/0/b~1c/~01"


SENT = {"action": "subscribe"}
REGISTERED = {"service_id": "worker", "name": "Tasks", "event_types": ["task.*"]}
STORED = {"type": "task.created", "payload": {}}
PULL = {"type": "pull"}

BOTH_OR_NEITHER = [
    (Subscribe, SENT, "/event_types", "is required without subscription_id"),
    (
        Subscribe,
        {**SENT, "subscription_id": "sub_1", "event_types": ["a.b"]},
        "/event_types",
        "must be left out with subscription_id",
    ),
    (
        Subscribe,
        {**SENT, "subscription_id": "sub_1", "filters": {}},
        "/filters",
        "must be left out with subscription_id",
    ),
    (
        Subscribe,
        {**SENT, "event_types": ["a.b"], "cursor": "3"},
        "/cursor",
        "must be left out without subscription_id",
    ),
    (SubscriptionTest, {}, "/event", "is required without event_id"),
    (
        SubscriptionTest,
        {"event_id": "evt_1", "event": STORED},
        "/event",
        "must be left out with event_id",
    ),
    (SubscriptionRegistration, REGISTERED, "/target", "is required without callback_url"),
    (
        SubscriptionRegistration,
        {**REGISTERED, "callback_url": "https://a.example", "target": PULL},
        "/target",
        "must be left out with callback_url",
    ),
    (
        SubscriptionChange,
        {"callback_url": "https://a.example", "target": PULL},
        "/target",
        "must be left out with callback_url",
    ),
    (
        Metadata,
        {"deduplication_window": 5},
        "/deduplication_window",
        "must be left out without deduplication_key",
    ),
]


@pytest.mark.parametrize(("model", "sent", "where", "what"), BOTH_OR_NEITHER)
def test_members_that_exclude_or_need_each_other(
    model: type[BaseModel], sent: Any, where: str, what: str
) -> None:
    assert faults(sent, model=model) == {where: what}


@pytest.mark.parametrize(
    ("model", "sent", "wrong"),
    [
        (Subscribe, {**SENT, "subscription_id": ""}, "/subscription_id"),
        (Subscribe, {**SENT, "subscription_id": 7, "cursor": "3"}, "/subscription_id"),
        (SubscriptionTest, {"event_id": "x" * 129}, "/event_id"),
        (SubscriptionRegistration, {**REGISTERED, "callback_url": "nowhere"}, "/callback_url"),
        (EventSubmission, {"type": "a.b", "payload_base64": "?"}, "/payload_base64"),
        (Metadata, {"deduplication_key": "", "deduplication_window": 5}, "/deduplication_key"),
    ],
)
def test_a_member_with_a_wrong_value_is_present(
    model: type[BaseModel], sent: Any, wrong: str
) -> None:
    # The member that could be there in its place is not demanded, too.
    assert list(faults(sent, model=model)) == [wrong]


@pytest.mark.parametrize("character", ["\n", "\x00", "\x7f", "\x85", "\u2028", "\u202e", "\u2066"])
def test_control_characters_are_refused(character: str) -> None:
    with pytest.raises(ValueError, match="control"):
        refuse_control_characters(f"a{character}b")


def test_other_characters_are_anyones_own() -> None:
    refuse_control_characters("Größe 尺寸 😀 <script>")
