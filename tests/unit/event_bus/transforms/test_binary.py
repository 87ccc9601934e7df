"""What becomes of payloads that are not JSON in each format."""

import base64
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary, from_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from event_bus.transforms import cloudevents
from event_bus.transforms.event_parts import EventParts
from event_bus.transforms.shape import shape
from event_bus.transforms.transform import InputTransformer, Shaped, Transform

from tests.unit.event_bus.transforms.events import parts_of

# Neither a text nor JSON, and bytes that could pass for either.
CONTENTS = [b"\x89PNG\r\n\x1a\n\x00\xff", b'{"id": "evt_2"}', b'"', b"\xed\xa0\x80"]
TYPE = "image/png; a=b"


def parts(content: bytes) -> EventParts:
    made = parts_of(metadata={"stream_id": "order/1"})
    made.payload = b'"' + base64.b64encode(content) + b'"'
    made.content_type = TYPE
    return made


def shaped(content: bytes, *of: Any, **members: Any) -> Shaped:
    return shape(Transform(*of, **members), parts(content))


@pytest.mark.parametrize("content", CONTENTS)
def test_the_payload_alone_is_its_bytes(content: bytes) -> None:
    made = shaped(content, "payload")
    assert (made.body, made.content_type, made.is_json) == (content, TYPE, False)
    encoded = base64.b64encode(content).decode()
    assert made.as_text() == encoded
    assert orjson.loads(made.as_json()) == encoded
    assert made.attributes == {"content-type": TYPE, "content-transfer-encoding": "base64"}


@pytest.mark.parametrize("content", CONTENTS)
def test_the_event_holds_it_in_base64(content: bytes) -> None:
    made = shaped(content, headers={"x-type": "$.content_type"})
    event = orjson.loads(made.body)
    assert base64.b64decode(event["payload_base64"]) == content
    assert event["content_type"] == TYPE
    assert "payload" not in event
    assert made.headers == {"x-type": TYPE}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("mode", ["structured", "binary", "batched"])
def test_cloudevents_are_read_by_the_sdk(content: bytes, mode: Any) -> None:
    made = shaped(content, "cloudevents", mode)
    if mode == "binary":
        assert made.body == content
        headers = {**made.headers, "content-type": made.content_type}
        read = from_binary(HTTPMessage(headers, made.body), JSONFormat(), CloudEvent)
    else:
        body = made.body
        if mode == "batched":
            [only] = orjson.loads(cloudevents.batch([body]))
            body = orjson.dumps(only)
        message = HTTPMessage({"content-type": cloudevents.MEDIA_TYPE}, body)
        read = from_structured(message, JSONFormat(), CloudEvent)
    assert read.get_datacontenttype() == TYPE
    data = read.get_data()
    assert (data.encode() if isinstance(data, str) else data) == content
    assert read.get_id() == "evt_1"


def test_an_attribute_says_that_the_body_is_base64() -> None:
    made = shaped(b"\xff", "cloudevents", "binary", attributes={"a": "1", "b": "2", "c": "3"})
    names = list(made.attributes)
    assert names[:8] == [
        *(f"ce-{each}" for each in ("specversion", "id", "source", "type", "time", "subject")),
        *("content-type", "content-transfer-encoding"),
    ]


def test_an_expression_takes_the_text_in_base64() -> None:
    made = shaped(
        b"Ada",
        "payload",
        expression='{"text": $base64decode($), "type": $event.content_type, '
        '"same": $event.payload_base64 = $}',
    )
    assert orjson.loads(made.body) == {"text": "Ada", "type": TYPE, "same": True}
    assert made.content_type == "application/json"
    around = shaped(b"Ada", expression='{"text": $base64decode($)}')
    assert orjson.loads(around.body)["payload"] == {"text": "Ada"}
    assert "content_type" not in orjson.loads(around.body)


def test_a_template_finds_it_in_the_event() -> None:
    paths = {"t": "$.content_type", "b": "$.payload_base64", "d": "$.detail", "p": "$.payload.a"}
    template = InputTransformer('{"t":<t>,"b":<b>,"d":<d>,"p":<p>}', paths)
    made = shaped(b"Ada", "payload", template=template)
    assert orjson.loads(made.body) == {"t": TYPE, "b": "QWRh", "d": "", "p": ""}


def test_a_sealed_payload_is_sent_as_its_marker() -> None:
    sealed = parts(b"Ada")
    sealed.payload = b'{"$encrypted":true}'
    for format_ in ("event", "payload", "cloudevents"):
        made = shape(Transform(format_), sealed)
        assert made.is_json
        assert b'{"$encrypted":true}' in made.body
        assert b"base64" not in made.body
