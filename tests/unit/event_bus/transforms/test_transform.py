import subprocess
import sys

import orjson
import pytest
from event_bus.errors import InvalidRequest
from event_bus.requests.transform import TransformRequest
from event_bus.requests.validation import read
from event_bus.transforms.errors import TransformFailed
from event_bus.transforms.fields import header_text
from event_bus.transforms.shape import shape
from event_bus.transforms.transform import InputTransformer, Transform
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.event_bus.transforms.events import parts_of


def refused(transform: object) -> tuple[str, str]:
    with pytest.raises(InvalidRequest) as refusal:
        read(TransformRequest, transform, "/transform").transform()
    [fault] = refusal.value.faults
    return fault.pointer, fault.detail


def test_the_envelope_and_the_payload() -> None:
    parts = parts_of({"total": 250}, {"correlation_id": "cart-7"})
    whole = orjson.loads(shape(Transform(headers={"x-a": "b"}), parts).body)
    assert whole == {**parts.envelope, "payload": {"total": 250}}
    payload = shape(Transform("payload"), parts)
    assert (payload.body, payload.content_type) == (b'{"total":250}', "application/json")


def test_an_expression_stands_in_place_of_the_payload() -> None:
    parts = parts_of({"items": [{"price": 2}, {"price": 3}]})
    expression = '{"id": $event.id, "sum": $sum(items.price)}'
    alone = read(TransformRequest, {"expression": expression}).transform()
    assert shape(alone, parts).body == b'{"id":"evt_1","sum":5}'
    inside = shape(Transform("event", expression=expression), parts)
    assert orjson.loads(inside.body) == {**parts.envelope, "payload": {"id": "evt_1", "sum": 5}}


def test_a_template_is_sent_alone() -> None:
    asked = {
        "template": {"input_paths_map": {"t": "$.detail.total"}, "input_template": "Total: <t>"}
    }
    made = shape(read(TransformRequest, asked).transform(), parts_of())
    assert (made.body, made.content_type) == (b"Total: 250", "text/plain; charset=utf-8")
    assert made.as_json() == b'"Total: 250"'


def test_an_expression_that_yields_nothing_fails() -> None:
    with pytest.raises(TransformFailed, match="no value"):
        shape(Transform("payload", expression="missing"), parts_of())


def test_headers_and_attributes_from_the_event() -> None:
    fields = {
        "X-Static": "yes",
        "X-Total": "$.payload.total",
        "X-Name": "$.payload.name",
        "X-List": "$.payload.list",
        "X-Missing": "$.payload.missing",
        "X-Price": "costs $.5",
    }
    parts = parts_of({"total": 250, "name": "Zoë\r\nwebhook-id: forged", "list": [1]})
    made = shape(Transform(headers=fields, attributes=fields), parts)
    assert made.headers == {
        "x-static": "yes",
        "x-total": "250",
        "x-name": "Zo%C3%AB%0D%0Awebhook-id: forged",
        "x-list": "[1]",
        "x-price": "costs $.5",
    }
    assert made.attributes == {
        "X-Static": "yes",
        "X-Total": 250,
        "X-Name": "Zoë\r\nwebhook-id: forged",
        "X-List": "[1]",
        "X-Price": "costs $.5",
    }


@given(st.text())
def test_no_value_ends_a_header(value: str) -> None:
    text = header_text(value)
    assert text.isascii()
    assert text.isprintable() or text == ""


def test_a_value_of_an_event_is_not_sent_without_bound() -> None:
    with pytest.raises(TransformFailed, match="4096"):
        shape(Transform(headers={"x-a": "$.payload.a"}), parts_of({"a": "b" * 4097}))


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "content-length", "Content-Type", "transfer-encoding", "connection", "te"),
        *("webhook-id", "Webhook-Signature", "webhook-timestamp", "ce-id", "traceparent"),
        *("event-bus-replay", "user-agent", "proxy-authorization", "x-forwarded-for"),
    ],
)
def test_a_subscription_sets_no_header_of_the_bus(name: str) -> None:
    assert refused({"headers": {name: "x"}}) == (f"/transform/headers/{name}", "is set by the bus")


@pytest.mark.parametrize(
    ("transform", "pointer", "said"),
    [
        ({"headers": {"x-a": "b\r\nc: d"}}, "/headers/x-a", "control"),
        ({"headers": {"x-a": ""}}, "/headers/x-a", "1 to 1024"),
        ({"headers": {"x a": "b"}}, "/headers/x a", "must be named"),
        ({"headers": {"x-a:": "b"}}, "/headers/x-a:", "must be named"),
        ({"headers": {"x-a": "1", "X-A": "2"}}, "/headers/X-A", "twice"),
        ({"headers": {"Authorization": "b"}}, "/headers/Authorization", "secret"),
        ({"headers": {"x-a": "$.a["}}, "/headers/x-a", "character 3"),
        ({"headers": {f"x-{n}": "a" for n in range(21)}}, "/headers", "at most 20"),
        ({"attributes": {"AWS.x": "a"}}, "/attributes/AWS.x", "AWS"),
        ({"attributes": {"amazon.x": "a"}}, "/attributes/amazon.x", "Amazon"),
        ({"attributes": {".x": "a"}}, "/attributes/.x", "periods"),
        ({"attributes": {"x..y": "a"}}, "/attributes/x..y", "periods"),
        ({"attributes": {"x/y": "a"}}, "/attributes/x~1y", "must be named"),
        ({"attributes": {f"a{n}": "a" for n in range(11)}}, "/attributes", "at most 10"),
        (
            {"format": "cloudevents", "mode": "binary", "attributes": dict.fromkeys("abcd", "x")},
            "/attributes",
            "at most 3",
        ),
        ({"mode": "binary"}, "/mode", "must be left out"),
        ({"format": "xml"}, "/format", "must be"),
        ({"expression": "$.a["}, "/expression", "character 4"),
        (
            {"expression": "a", "template": {"input_template": '"a"'}},
            "/template",
            "must be left out",
        ),
        ({"template": {"input_template": "<a>"}}, "/template/input_template", "does not define"),
        (
            {"format": "event", "template": {"input_template": "a text"}},
            "/template/input_template",
            "must make JSON",
        ),
        ({"template": {"input_template": '"a"', "x": 1}}, "/template/x", "not a known"),
        ({"unknown": 1}, "/unknown", "not a known"),
    ],
)
def test_refusals(transform: object, pointer: str, said: str) -> None:
    at, detail = refused(transform)
    assert at == f"/transform{pointer}"
    assert said in detail


def test_a_template_inside_the_envelope() -> None:
    template = InputTransformer('{"t": <t>}', {"t": "$.payload.total"})
    made = shape(Transform("event", template=template), parts_of())
    assert orjson.loads(made.body)["payload"] == {"t": 250}


def test_a_stored_template_that_is_not_json_fails() -> None:
    stored = Transform("payload", template=InputTransformer('{"total": NaN}'))
    with pytest.raises(TransformFailed, match="the template must be JSON"):
        shape(stored, parts_of())


def test_nothing_is_imported_that_is_not_used() -> None:
    said = (
        "import sys, event_bus.model.subscription, event_bus.targets.http;"
        "import event_bus.targets.shaping;"
        "print(sorted(each for each in sys.modules if each.startswith('event_bus.transforms.')"
        " or 'jsonata' in each or each.startswith('event_bus.expressions')))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", said], capture_output=True, check=True, text=True, timeout=120
    )
    light = [f"event_bus.transforms.{each}" for each in ("errors", "payloads", "transform")]
    assert ran.stdout == f"{light}\n"


def test_each_attempt_of_a_delivery_makes_the_same() -> None:
    drawn = Transform("payload", expression='{"at": $now(), "number": $random()}')
    first = shape(drawn, parts_of()).body
    assert shape(drawn, parts_of()).body == first
    assert b'"at":"2026-01-02T03:04:06.000Z"' in first
    replayed = shape(drawn, parts_of(metadata={"replay_id": "rpl_1"})).body
    assert replayed != first
