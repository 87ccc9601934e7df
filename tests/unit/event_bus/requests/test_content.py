"""Payloads that are not JSON are taken as strict base64, and kept as they were sent."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from event_bus.errors import InvalidRequest, TooLarge
from event_bus.model.event import Event
from event_bus.queues.message import from_json
from event_bus.requests.event import MAX_PAYLOAD_BYTES, EventSubmission, accept
from event_bus.requests.validation import read
from event_bus.stores.event_items import from_item, to_item
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import binary_event, event, message, subscription

HI = {"type": "task.created", "payload_base64": "aGk="}


def refused(**members: Any) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as refusal:
        accept(read(EventSubmission, {**HI, **members}, "/3"), "planner", "/3")
    return {fault.pointer: fault.detail for fault in refusal.value.faults}


@given(content=st.binary(min_size=1, max_size=100))
def test_bytes_are_shown_as_they_were_sent(content: bytes) -> None:
    made = binary_event(content)
    shown = made.envelope()
    assert "payload" not in shown
    assert shown["content_type"] == "image/png"
    assert made.payload == b'"' + base64.b64encode(content) + b'"'
    # A queue and a table carry them unchanged.
    assert from_item(to_item(made, 1)) == made
    sent = message(made, subscription())
    assert from_json(sent.to_json()) == sent


def test_octets_are_the_default() -> None:
    assert binary_event(content_type=None).content_type == "application/octet-stream"


@pytest.mark.parametrize(
    "text",
    ["", "aGk", "aGk==", "aG k=", "aGk=\n", "aGk_", "aGl=", "=", "====", "aGk=aGk=", "ä", 7, {}],
)
def test_an_invalid_base64_payload_is_refused(text: Any) -> None:
    found = refused(payload_base64=text)
    assert list(found) == ["/3/payload_base64"]
    assert "must be" in found["/3/payload_base64"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "png", "image/", "/png", "image/png;", "image/png; q", "image/png\r\nx-a: b"),
        *("image /png", "image/png; a=\x00", "ïmage/png", 'a/b; c="d\\"e"', "a/b; c=d,e", 5),
        *("a/" + "b" * 255, "application/cloudevents+json", "Application/CloudEvents-batch+json"),
    ],
)
def test_an_invalid_media_type_is_refused(text: Any) -> None:
    assert list(refused(content_type=text)) == ["/3/content_type"]


@pytest.mark.parametrize(
    "text",
    [
        *("image/png", "text/csv; charset=utf-8", 'text/csv;header=present; x="a; b"'),
        *("application/vnd.acme.order.v2+avro", "application/json"),
    ],
)
def test_media_types_are_taken(text: str) -> None:
    assert binary_event(content_type=text).content_type == text


def test_an_event_has_one_payload() -> None:
    both = refused(payload={})
    assert both == {"/3/payload": "must be left out with payload_base64"}
    sent = {"type": "task.created", "payload": {}, "content_type": "text/plain"}
    with pytest.raises(InvalidRequest) as refusal:
        read(EventSubmission, sent)
    assert [fault.pointer for fault in refusal.value.faults] == ["/content_type"]
    with pytest.raises(InvalidRequest) as refusal:
        read(EventSubmission, {"type": "task.created"})
    assert [fault.pointer for fault in refusal.value.faults] == ["/payload"]


def test_the_size_of_a_binary_payload_is_bounded_in_base64() -> None:
    most = MAX_PAYLOAD_BYTES * 3 // 4
    assert binary_event(b"x" * most).payload_bytes == MAX_PAYLOAD_BYTES + 2
    with pytest.raises(TooLarge) as refusal:
        binary_event(b"x" * (most + 1))
    assert [fault.pointer for fault in refusal.value.faults] == ["/payload_base64"]


def test_a_binary_payload_is_sensitive_as_a_whole_or_not_at_all() -> None:
    assert binary_event(sensitive=True)
    found = refused(sensitive=["", "/name"])
    assert list(found) == ["/3/sensitive/1"]


def digest_of(made: Event) -> str:
    return made.digest


def test_the_content_type_is_part_of_the_content() -> None:
    first = binary_event(b"a", "text/plain")
    assert digest_of(binary_event(b"a", "text/plain")) == digest_of(first)
    assert digest_of(binary_event(b"a", "text/csv")) != digest_of(first)
    assert digest_of(binary_event(b"b", "text/plain")) != digest_of(first)
    # One that is left out is the default, as it is stored.
    assert digest_of(binary_event(b"a", None)) == digest_of(
        binary_event(b"a", "application/octet-stream")
    )


def test_filters_see_no_members() -> None:
    assert binary_event().json_payload == b"{}"
    assert event(payload={"a": 1}).json_payload == b'{"a":1}'


def test_a_payload_that_was_not_read_is_null() -> None:
    assert replace(binary_event(), payload=None).envelope()["payload_base64"] is None
