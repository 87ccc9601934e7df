"""The parts of an enrichment are beside the payload, in every format."""

from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary, from_structured
from event_bus.model.delivery import DeliveryKey
from event_bus.queues.message import from_json
from event_bus.targets.envelope import envelope
from event_bus.targets.shaping import shaped
from event_bus.targets.transport import DeliveryRequest
from event_bus.transforms.errors import TransformFailed
from event_bus.transforms.transform import InputTransformer, Shaped, Transform

from tests.builders import event, message, subscription

KEY = DeliveryKey("evt_1", "sub_1")
ADDED = '{"customer":{"tier":"gold","name":"Zoë \U0001f600\x7f","sum":12345678901234567890.5}}'


def made(transform: Transform, added: str = ADDED) -> Shaped:
    about = event(payload={"n": 1}, metadata={"enrichment": "the publisher's"})
    request = DeliveryRequest(
        KEY, about, subscription(transform=transform), enrichment=added.encode()
    )
    found = shaped(request)
    assert found
    return found


def test_an_enrichment_stands_beside_the_payload() -> None:
    shown = orjson.loads(orjson.dumps(envelope(KEY, event(payload={"n": 1}), ADDED.encode())))
    assert (shown["payload"], shown["enrichment"]["customer"]["tier"]) == ({"n": 1}, "gold")
    assert "enrichment" not in envelope(KEY, event())


def test_a_message_carries_its_enrichment_unchanged() -> None:
    sent = message(event(), subscription(), enrichment=ADDED.encode())
    assert from_json(sent.to_json()) == sent
    assert "enrichment" not in message(event(), subscription()).to_json()


def test_an_event_keeps_it_whatever_takes_the_place_of_the_payload() -> None:
    body = orjson.loads(made(Transform(expression="n + 1", format="event")).body)
    assert (body["payload"], body["enrichment"]["customer"]["tier"]) == (2, "gold")
    assert b"12345678901234567890.5" in made(Transform(format="event")).body


def test_expressions_templates_and_headers_use_it() -> None:
    assert (
        made(Transform("payload", expression="$event.enrichment.customer.tier")).body == b'"gold"'
    )
    template = InputTransformer('{"t": <t>}', {"t": "$.enrichment.customer.tier"})
    assert made(Transform("payload", template=template)).body == b'{"t":"gold"}'
    headers = made(Transform(headers={"x-tier": "$.enrichment.customer.tier"})).headers
    assert headers == {"x-tier": "gold"}
    assert made(Transform("payload")).body == b'{"n":1}'


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_a_cloudevent_holds_it_as_text(mode: Any) -> None:
    sent = made(Transform("cloudevents", mode))
    headers = {**sent.headers, "content-type": sent.content_type}
    read = from_binary if mode == "binary" else from_structured
    from cloudevents.core.formats.json import JSONFormat  # noqa: PLC0415

    found = read(HTTPMessage(headers, sent.body), JSONFormat())
    text = found.get_extension("enrichment")
    assert text.isascii()
    assert text.isprintable()
    assert orjson.loads(text) == orjson.loads(ADDED)
    assert "12345678901234567890.5" in text
    assert found.get_data() == {"n": 1}


def test_a_part_too_large_for_a_header_is_refused() -> None:
    large = '{"a":"' + "x" * 4_096 + '"}'
    assert made(Transform("cloudevents", "structured"), large)
    with pytest.raises(TransformFailed):
        made(Transform("cloudevents", "binary"), large)
