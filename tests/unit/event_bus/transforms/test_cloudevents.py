"""CloudEvents, read by the Python SDK of the CloudEvents project."""

from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary, from_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from event_bus.transforms import cloudevents
from event_bus.transforms.shape import shape
from event_bus.transforms.transform import JSON, InputTransformer, Transform
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.event_bus.transforms.events import parts_of

METADATA = {
    "correlation_id": "cart-7",
    "stream_id": "order/1",
    "stream_version": 3,
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tenant": 'Zoë "the" 100% ☃',
}


def read_structured(body: bytes) -> CloudEvent:
    message = HTTPMessage({"content-type": cloudevents.MEDIA_TYPE}, body)
    read = from_structured(message, JSONFormat(), CloudEvent)
    assert isinstance(read, CloudEvent)
    return read


def read_binary(headers: dict[str, str], body: bytes) -> CloudEvent:
    read = from_binary(HTTPMessage(headers, body), JSONFormat(), CloudEvent)
    assert isinstance(read, CloudEvent)
    return read


def check(read: CloudEvent, payload: object = None) -> None:
    assert read.get_id() == "evt_1"
    assert read.get_type() == "order.placed"
    assert read.get_source() == "shop"
    assert read.get_subject() == "order/1"
    assert read.get_specversion() == "1.0"
    assert read.get_datacontenttype() == "application/json"
    time = read.get_time()
    assert time is not None
    assert time.isoformat() == "2026-01-02T03:04:05.678000+00:00"
    assert read.get_extension("correlationid") == "cart-7"
    assert read.get_extension("traceparent") == METADATA["traceparent"]
    assert read.get_extension("tenant") == METADATA["tenant"]
    assert read.get_data() == (payload if payload is not None else {"total": 250})


def test_structured() -> None:
    made = shape(Transform("cloudevents"), parts_of(metadata=METADATA))
    assert made.content_type == "application/cloudevents+json"
    check(read_structured(made.body))
    assert orjson.loads(made.body)["streamversion"] == 3


def test_binary_over_http() -> None:
    made = shape(Transform("cloudevents", "binary"), parts_of(metadata=METADATA))
    assert made.body == b'{"total":250}'
    # The spec's own example of encoding: Euro sign and emoji of 3.1.3.2.
    encoded = cloudevents.header_values({"a": "Euro € 😀"})
    assert encoded == {"ce-a": "Euro%20%E2%82%AC%20%F0%9F%98%80"}
    check(read_binary({**made.headers, "content-type": made.content_type}, made.body))


def test_binary_over_queues_has_the_required_attributes_first() -> None:
    transform = Transform("cloudevents", "binary", attributes={"region": "eu"})
    made = shape(transform, parts_of(metadata={**METADATA, "a": "1", "b": "2", "c": "3"}))
    assert list(made.attributes)[:8] == [
        *("ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "ce-subject"),
        *("content-type", "region"),
    ]
    assert made.attributes["content-type"] == "application/json"
    assert made.attributes["ce-tenant"] == METADATA["tenant"]


def test_a_batch_is_an_array() -> None:
    one = shape(Transform("cloudevents", "batched"), parts_of(metadata=METADATA))
    assert one.batched
    body = cloudevents.batch([one.body, one.body])
    for each in orjson.loads(body):
        check(read_structured(orjson.dumps(each)))


def test_data_is_what_the_expression_makes() -> None:
    transform = Transform("cloudevents", expression='{"amount": total, "id": $event.id}')
    made = shape(transform, parts_of(metadata=METADATA))
    check(read_structured(made.body), {"amount": 250, "id": "evt_1"})


def test_data_may_be_a_text() -> None:
    template = InputTransformer("Order of <t>", {"t": "$.payload.total"})
    made = shape(Transform("cloudevents", template=template), parts_of())
    read = read_structured(made.body)
    assert read.get_datacontenttype() == "text/plain"
    assert read.get_data() == "Order of 250"
    binary = shape(Transform("cloudevents", "binary", template=template), parts_of())
    assert binary.body == b"Order of 250"
    assert binary.content_type.startswith("text/plain")


@pytest.mark.parametrize(
    ("metadata", "left"),
    [
        ({"Tenant-Id": "a"}, {"tenantid": "a"}),
        ({"tenant_id": "a", "tenant-id": "b"}, {"tenantid": "a"}),
        # No name of the spec is taken, whatever the metadata says.
        (
            {"data": "x", "id": "y", "type": "z", "data_base64": "w", "dataschema": "v"},
            {"database64": "w"},
        ),
        ({"a_name_of_more_than_20_characters": "x"}, {}),
        ({"häß": "x"}, {"h": "x"}),
        ({"---": "x"}, {}),
        ({"control": "a\nb"}, {}),
        ({"noncharacter": "\ufffe"}, {}),
        ({"empty": ""}, {}),
        ({"retry_count": 2**31}, {}),
        ({"retry_count": 7}, {"retrycount": 7}),
    ],
)
def test_names_and_values_that_the_spec_does_not_have(
    metadata: dict[str, Any], left: dict[str, Any]
) -> None:
    plain = cloudevents.attributes_of(parts_of(), JSON)
    made = cloudevents.attributes_of(parts_of(metadata=metadata), JSON)
    assert {name: value for name, value in made.items() if name not in plain} == left
    assert plain.items() <= made.items()


@given(
    st.dictionaries(st.text(min_size=1, max_size=30), st.text(max_size=40), max_size=6),
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=4),
)
def test_whatever_the_metadata_holds_is_read(
    metadata: dict[str, str], payload: dict[str, Any]
) -> None:
    try:
        parts = parts_of(payload, metadata)
        orjson.dumps(metadata)
    except (orjson.JSONEncodeError, TypeError):
        return
    made = shape(Transform("cloudevents"), parts)
    structured = read_structured(made.body)
    binary = shape(Transform("cloudevents", "binary"), parts)
    read = read_binary({**binary.headers, "content-type": binary.content_type}, binary.body)
    assert all(value.isascii() and value.isprintable() for value in binary.headers.values())
    assert read.get_attributes() == {
        name: value if name == "time" else str(value)
        for name, value in structured.get_attributes().items()
    }
    assert read.get_data() == structured.get_data() == orjson.loads(parts.payload)
