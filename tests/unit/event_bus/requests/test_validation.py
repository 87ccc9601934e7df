"""A fault is named by where it is and what would be right."""

from typing import Any

import pytest
from event_bus.errors import InvalidRequest, pointer
from event_bus.model.names import refuse_control_characters
from event_bus.requests.event import EventSubmission
from event_bus.requests.validation import read

from tests.builders import submission


def faults(value: Any, at: str = "") -> dict[str, str]:
    with pytest.raises(InvalidRequest) as refusal:
        read(EventSubmission, value, at)
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


@pytest.mark.parametrize("character", ["\n", "\x00", "\x7f", "\x85", "\u2028", "\u202e", "\u2066"])
def test_control_characters_are_refused(character: str) -> None:
    with pytest.raises(ValueError, match="control"):
        refuse_control_characters(f"a{character}b")


def test_other_characters_are_anyones_own() -> None:
    refuse_control_characters("Größe 尺寸 😀 <script>")
