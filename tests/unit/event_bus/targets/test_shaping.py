"""What a transform makes of an event is what is signed and sent, over every target."""

import base64
import contextlib
import hmac
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import orjson
import pytest
from event_bus.callbacks.client import CallbackClient
from event_bus.model.delivery import DeliveryKey
from event_bus.model.outcome import Outcome
from event_bus.targets.eventbridge import EventBridgeTarget, EventBridgeTransport
from event_bus.targets.http import HttpTransport
from event_bus.targets.inbox import InboxTarget, InboxTransport
from event_bus.targets.lambda_function import TARGET as LAMBDA
from event_bus.targets.lambda_function import LambdaTarget
from event_bus.targets.registry import TARGETS
from event_bus.targets.shaping import ShapingTransport
from event_bus.targets.sns import TARGET as SNS
from event_bus.targets.sns import SnsTarget
from event_bus.targets.sqs import TARGET as SQS
from event_bus.targets.sqs import SqsTarget, SqsTransport
from event_bus.targets.transport import DeliveryRequest, Transport
from event_bus.transforms.transform import InputTransformer, Transform
from standardwebhooks import Webhook

from tests.aws import Aws
from tests.builders import SECRET, binary_event, event, subscription
from tests.evaluator import NOT_EVALUATED, no_evaluator
from tests.hostile import answering, subscriber
from tests.unit.event_bus.targets.aws_services import RecordingClients, Services
from tests.unit.event_bus.targets.kept import Kept

PAYLOAD = {"total": 250, "name": "ü"}
NO_CONTENT = "HTTP/1.1 204 No Content\r\n\r\n"
REFUSED = "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"
FAILS = Transform("payload", expression="payload.missing")
QUEUE = SqsTarget("arn:aws:sqs:eu-central-1:123456789012:orders", "")


def request(
    transform: Transform | None, event_id: str = "evt_1", **members: Any
) -> DeliveryRequest:
    about = event(event_id, payload=PAYLOAD, metadata={"correlation_id": "c", "stream_id": "s"})
    to = subscription(transform=transform, **members)
    return DeliveryRequest(DeliveryKey(event_id, to.id), about, to)


def delivered(transport: Transport, *requests: DeliveryRequest) -> list[Outcome]:
    return ShapingTransport(transport).deliver(requests)


def posted(*requests: DeliveryRequest, answer: str = NO_CONTENT) -> tuple[list[Any], list[Outcome]]:
    """What a subscriber received of requests that are delivered together, checked as signed."""
    with subscriber(answering(answer)) as listening:
        own = HttpTransport(lambda _: [SECRET], CallbackClient([ip_network("127.0.0.0/8")]))
        transport = ShapingTransport(own)
        target = TARGETS.read({"type": "http", "url": listening.url})
        to = replace(requests[0].subscription, target=target)
        outcomes = transport.deliver([replace(each, subscription=to) for each in requests])
        for headers, body in listening.requests:
            # By the bytes that arrived; the library reads them as JSON once they are verified.
            with contextlib.suppress(ValueError):
                Webhook(SECRET).verify(body, dict(headers))
        return list(listening.requests), outcomes


def test_a_subscription_without_a_transform_is_handed_on_as_it_is() -> None:
    kept, plain = Kept(), request(None)
    assert delivered(kept, plain) == [Outcome(status_code=204)]
    assert kept.requests == [plain]
    assert kept.requests[0] is plain


def test_one_that_fails_does_not_hold_up_the_others() -> None:
    kept = Kept()
    outcomes = delivered(kept, request(FAILS), request(Transform("payload")), request(None))
    assert [each.code for each in outcomes] == ["transform_failed", None, None]
    assert outcomes[0].unsendable
    assert "no value" in outcomes[0].message
    assert [each.shaped is None for each in kept.requests] == [False, True]


def test_an_event_is_retried_if_the_bus_cannot_evaluate_its_transform() -> None:
    kept = Kept()
    expression = Transform("payload", expression='{"total": total}')
    asked = request(expression), request(Transform("payload")), request(None)
    with no_evaluator():
        outcomes = delivered(kept, *asked)
    assert outcomes == [NOT_EVALUATED, Outcome(status_code=204), Outcome(status_code=204)]
    assert delivered(kept, asked[0]) == [Outcome(status_code=204)]


def test_http_signs_what_it_sends() -> None:
    expression = '{"id": $event.id, "total": total, "name": name}'
    transform = Transform("payload", expression=expression, headers={"X-Tenant": "$.source"})
    [(headers, body)], [outcome] = posted(request(transform))
    assert outcome.delivered
    assert body == '{"id":"evt_1","total":250,"name":"ü"}'.encode()
    assert headers["x-tenant"] == "planner"
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "evt_1"


def test_http_sends_a_text() -> None:
    template = InputTransformer("Order of <t>", {"t": "$.detail.total"})
    [(headers, body)], _ = posted(request(Transform("payload", template=template)))
    assert (headers["content-type"], body) == ("text/plain; charset=utf-8", b"Order of 250")


def test_http_sends_cloudevents() -> None:
    [(headers, body)], _ = posted(request(Transform("cloudevents", "binary")))
    assert headers["ce-id"] == "evt_1"
    assert headers["ce-type"] == "task.created"
    assert headers["ce-subject"] == "s"
    assert orjson.loads(body) == PAYLOAD
    [(headers, body)], _ = posted(request(Transform("cloudevents")))
    assert headers["content-type"] == "application/cloudevents+json"
    assert orjson.loads(body)["data"] == PAYLOAD


def test_http_sends_batches_that_share_their_outcome() -> None:
    batched = Transform("cloudevents", "batched")
    requests = [request(batched, f"evt_{number}") for number in range(3)]
    own = HttpTransport(lambda _: [SECRET])
    assert len({own.batch_key(each) for each in requests}) == 1
    assert len({own.batch_key(request(Transform("cloudevents"), n)) for n in ("a", "b")}) == 2
    [(headers, body)], outcomes = posted(*requests)
    assert headers["content-type"] == "application/cloudevents-batch+json"
    assert [each["id"] for each in orjson.loads(body)] == ["evt_0", "evt_1", "evt_2"]
    assert [each.delivered for each in outcomes] == [True] * 3
    # The same batch is known by the same id, one of one event by that of the event.
    [(again, _)], failed = posted(*requests, answer=REFUSED)
    assert again["webhook-id"] == headers["webhook-id"]
    assert [each.code for each in failed] == ["http_status"] * 3
    [(single, body)], _ = posted(requests[0])
    assert single["webhook-id"] == "evt_0"
    assert len(orjson.loads(body)) == 1


def test_sqs_takes_attributes_of_the_subscription_first(services: Services) -> None:
    client = RecordingClients("sqs", client=services("sqs"))
    url = services("sqs").create_queue(QueueName="orders")["QueueUrl"]
    target = SqsTarget(QUEUE.queue, url)
    attributes = {f"a{number}": "$.payload.total" for number in range(8)}
    transform = Transform("payload", attributes={**attributes, "name": "$.payload.name"})
    assert delivered(SqsTransport(client), request(transform, target=target)) == [Outcome()]
    [entry] = client.asked[0]["Entries"]
    assert orjson.loads(entry["MessageBody"]) == PAYLOAD
    assert list(entry["MessageAttributes"]) == [*attributes, "name", "id"]
    assert entry["MessageAttributes"]["a0"] == {"DataType": "Number", "StringValue": "250"}
    assert entry["MessageAttributes"]["name"] == {"DataType": "String", "StringValue": "ü"}


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        (0, "Number"),
        (-0.5, "Number"),
        (2**64 - 1, "Number"),
        (1e126, "Number"),
        (-1e-128, "Number"),
        (2e126, "String"),
        (-1.7e308, "String"),
        (9e-129, "String"),
    ],
)
def test_numbers_that_sqs_refuses_are_sent_as_text(value: float, type_name: str) -> None:
    transform = Transform("payload", attributes={"total": "$.payload.total"})
    about = event(payload={"total": value})
    kept = Kept()
    delivered(kept, replace(request(transform, target=QUEUE), event=about))
    sent = SQS.sent(kept.requests[0])
    assert sent.attributes
    assert sent.attributes["total"] == {"DataType": type_name, "StringValue": str(value)}


def test_sqs_takes_cloudevents_in_binary_mode(services: Services) -> None:
    client = RecordingClients("sqs", client=services("sqs"))
    url = services("sqs").create_queue(QueueName="orders")["QueueUrl"]
    sent = request(Transform("cloudevents", "binary"), target=SqsTarget(QUEUE.queue, url))
    assert delivered(SqsTransport(client), sent) == [Outcome()]
    [entry] = client.asked[0]["Entries"]
    core = ("specversion", "id", "source", "type", "time", "subject")
    names = list(entry["MessageAttributes"])
    assert names[:7] == [*(f"ce-{each}" for each in core), "content-type"]
    assert "id" not in entry["MessageAttributes"]
    assert len(entry["MessageAttributes"]) <= 10


@pytest.mark.parametrize("text", ["<a><a>", "bell \x07"])
def test_an_empty_body_is_not_sent_to_sqs(text: str) -> None:
    template = InputTransformer(text, {"a": "$.payload.missing"})
    kept = Kept()
    [outcome] = delivered(kept, request(Transform("payload", template=template), target=QUEUE))
    assert outcome.code == "transform_failed"
    assert kept.requests == []


def test_lambda_takes_a_text_as_json() -> None:
    template = InputTransformer("Order of <t>", {"t": "$.detail.total"})
    target = LambdaTarget("arn:aws:lambda:eu-central-1:123456789012:function:f")
    kept = Kept()
    delivered(kept, request(Transform("payload", template=template), target=target))
    assert LAMBDA.sent(kept.requests[0]).body == '"Order of 250"'


def test_eventbridge_takes_an_object_alone(services: Services) -> None:
    target = EventBridgeTarget("arn:aws:events:eu-central-1:123456789012:event-bus/default")
    client = RecordingClients("events", client=services("events"))
    made = request(Transform("payload", expression='{"total": total}'), target=target)
    refused = request(Transform("payload", expression="total"), target=target)
    outcomes = delivered(EventBridgeTransport(client), made, refused)
    assert [each.code for each in outcomes] == [None, "transform_failed"]
    [entry] = client.asked[0]["Entries"]
    assert orjson.loads(entry["Detail"]) == {"total": 250}


def test_sns_shows_what_it_sends() -> None:
    target = SnsTarget("arn:aws:sns:eu-central-1:123456789012:orders")
    kept = Kept()
    delivered(kept, request(Transform("payload", attributes={"tier": "gold"}), target=target))
    sent = SNS.sent(kept.requests[0])
    assert orjson.loads(sent.body) == PAYLOAD
    assert sent.attributes["tier"] == {"DataType": "String", "StringValue": "gold"}


def test_an_inbox_remembers_that_there_is_a_transform(aws: Aws) -> None:
    inbox = InboxTarget("pull")
    transport = InboxTransport(aws.inboxes)
    assert delivered(transport, request(Transform("payload"), target=inbox)) == [Outcome()]
    assert delivered(transport, request(None, "evt_2", target=inbox)) == [Outcome()]
    assert [each.shaped for each in aws.inboxes.after("sub_1", 0, 10)] == [True, False]


def test_sealed_events_are_passed_to_the_transport_unshaped(aws: Aws) -> None:
    kept = Kept()
    sealed = aws.seal.close(event(payload=PAYLOAD), ["/total"])
    to = subscription(transform=FAILS)
    sent = DeliveryRequest(DeliveryKey("evt_1", to.id), sealed, to)
    assert ShapingTransport(kept, opened=False).deliver([sent]) == [Outcome(status_code=204)]
    assert kept.requests == [sent]


CONTENT = b"\x89PNG\r\n\x00\xff"
ENCODED = base64.b64encode(CONTENT).decode()


def binary(transform: Transform | None, **members: Any) -> DeliveryRequest:
    return replace(request(transform, **members), event=binary_event(CONTENT))


@pytest.mark.parametrize("transform", [Transform("payload"), Transform("cloudevents", "binary")])
def test_http_sends_bytes_and_signs_them(transform: Transform) -> None:
    [(headers, body)], [outcome] = posted(binary(transform))
    assert outcome.delivered
    assert body == CONTENT
    assert headers["content-type"] == "image/png"
    # The library of Standard Webhooks signs texts alone.
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


@pytest.mark.parametrize("transform", [None, Transform("event")])
def test_without_a_format_the_event_holds_the_bytes_in_base64(transform: Transform | None) -> None:
    [(headers, body)], _ = posted(binary(transform))
    assert headers["content-type"] == "application/json"
    assert orjson.loads(body)["payload_base64"] == ENCODED


def test_bytes_that_http_would_send_are_shown_in_base64() -> None:
    kept = Kept()
    delivered(kept, binary(Transform("payload")))
    sent = TARGETS.of_lane("http").sent(kept.requests[0])
    assert (sent.body, sent.in_base64) == (ENCODED, True)


def test_other_targets_take_bytes_as_base64(services: Services) -> None:
    kept = Kept()
    function = LambdaTarget("arn:aws:lambda:eu-central-1:123456789012:function:f")
    topic = SnsTarget("arn:aws:sns:eu-central-1:123456789012:orders")
    bus = EventBridgeTarget("arn:aws:events:eu-central-1:123456789012:event-bus/default")
    outcomes = delivered(
        kept, *(binary(Transform("payload"), target=each) for each in (function, topic, bus))
    )
    assert [each.code for each in outcomes] == [None, None, "transform_failed"]
    assert orjson.loads(LAMBDA.sent(kept.requests[0]).body) == ENCODED
    sent = SNS.sent(kept.requests[1])
    assert sent.body == ENCODED
    assert sent.attributes["content-type"]["StringValue"] == "image/png"
    assert sent.attributes["content-transfer-encoding"]["StringValue"] == "base64"
    client = RecordingClients("sqs", client=services("sqs"))
    url = services("sqs").create_queue(QueueName="orders")["QueueUrl"]
    target = SqsTarget(QUEUE.queue, url)
    for transform, shown in ((Transform("payload"), ENCODED), (None, None)):
        assert delivered(SqsTransport(client), binary(transform, target=target)) == [Outcome()]
        text = client.asked[-1]["Entries"][0]["MessageBody"]
        assert text == shown or orjson.loads(text)["payload_base64"] == ENCODED


def test_bytes_that_look_like_an_object_are_none_for_eventbridge() -> None:
    target = EventBridgeTarget("arn:aws:events:eu-central-1:123456789012:event-bus/default")
    sent = replace(binary(Transform("payload"), target=target), event=binary_event(b"{}"))
    [outcome] = delivered(Kept(), sent)
    assert outcome.code == "transform_failed"
