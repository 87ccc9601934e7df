"""Deliveries to AWS: what is sent, in how few requests, and what each answer means."""

import io
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from event_bus.aws_text import accepted
from event_bus.model.delivery import DeliveryKey
from event_bus.model.outcome import Outcome
from event_bus.model.target import Target
from event_bus.targets.aws_clients import TargetClients
from event_bus.targets.aws_transport import failure
from event_bus.targets.eventbridge import EventBridgeTarget, EventBridgeTransport
from event_bus.targets.lambda_function import LambdaTarget, LambdaTransport
from event_bus.targets.sns import SnsTarget, SnsTransport
from event_bus.targets.sqs import SqsTarget, SqsTransport
from event_bus.targets.transport import DeliveryRequest, Transport

from tests.builders import event, subscription
from tests.replies import KeptReplies

SQS = SqsTarget("arn:aws:sqs:us-east-1:000000000000:orders", "https://sqs.example/orders")
FIFO = SqsTarget("arn:aws:sqs:us-east-1:000000000000:o.fifo", "https://sqs.example/o.fifo")
SNS = SnsTarget("arn:aws:sns:us-east-1:000000000000:orders")
BRIDGE = EventBridgeTarget("arn:aws:events:us-east-1:000000000000:event-bus/orders")
BILL = "arn:aws:lambda:us-east-1:000000000000:function:bill"

INVALID = ClientError({"Error": {"Code": "InvalidMessageContents", "Message": "no"}}, "Send")
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Send")


@dataclass
class Recorder(TargetClients):
    """Clients that answer as told, and keep what they were asked."""

    answer: Any = None
    requests: list[dict[str, Any]] = field(default_factory=list)

    def of(self, _: DeliveryRequest) -> Any:
        return self

    def _answer(self, **request: Any) -> Any:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    send_message_batch = publish_batch = put_events = invoke = _answer


def requests(target: Target, count: int, size: int = 0, **members: Any) -> list[DeliveryRequest]:
    to = subscription(target=target)
    return [
        DeliveryRequest(
            DeliveryKey(f"evt_{number}", to.id),
            event(f"evt_{number}", payload={"text": "x" * size}, **members),
            to,
        )
        for number in range(count)
    ]


def batching(target: Target) -> tuple[Transport, Recorder, str]:
    """A transport, its recorder, and the member that holds a request's entries."""
    made = {
        "sqs": (SqsTransport, "Entries"),
        "sns": (SnsTransport, "PublishBatchRequestEntries"),
        "eventbridge": (EventBridgeTransport, "Entries"),
    }
    transport, entries = made[target.type]
    recorder = Recorder(target.type, answer={"Entries": [{"EventId": "1"}] * 10})
    return transport(recorder), recorder, entries


TARGETS = pytest.mark.parametrize("target", [SQS, SNS, BRIDGE], ids=lambda each: each.type)


@TARGETS
def test_ten_events_are_one_request(target: Target) -> None:
    transport, recorder, entries = batching(target)
    assert transport.deliver(requests(target, 10)) == [Outcome()] * 10
    assert [len(request[entries]) for request in recorder.requests] == [10]


@TARGETS
def test_a_batch_too_large_for_one_request_is_divided(target: Target) -> None:
    transport, recorder, entries = batching(target)
    if target.type == "eventbridge":
        recorder.answer = {"Entries": [{"EventId": "1"}] * 2}
    assert len(transport.deliver(requests(target, 6, size=100_000))) == 6
    assert [len(request[entries]) for request in recorder.requests] == [2, 2, 2]


@TARGETS
def test_a_denied_request_fails_for_every_delivery_of_its_batch(target: Target) -> None:
    transport, recorder, _ = batching(target)
    recorder.answer = DENIED
    outcomes = transport.deliver(requests(target, 3))
    assert [each.code for each in outcomes] == ["access_denied"] * 3


@TARGETS
def test_events_of_one_target_go_together_and_others_do_not(target: Target) -> None:
    transport, _, _ = batching(target)
    first, second = requests(target, 2)
    assert transport.batch_key(first) == transport.batch_key(second)
    other = DeliveryRequest(first.key, first.event, subscription(service_id="other", target=target))
    assert transport.batch_key(first) != transport.batch_key(other)


class Fussy(Recorder):
    """A client that refuses requests with some text as a whole."""

    def _answer(self, **request: Any) -> Any:
        self.requests.append(request)
        if "evt_4" in repr(request):
            raise ClientError(
                {"Error": {"Code": "InvalidMessageContents", "Message": "no"}}, "Send"
            )
        return {"Entries": [{"EventId": "1"}] * len(request.get("Entries", []))}

    send_message_batch = publish_batch = put_events = invoke = _answer


@TARGETS
def test_an_event_that_a_target_refuses_does_not_fail_its_neighbours(target: Target) -> None:
    transport, _, _ = batching(target)
    transport.clients = fussy = Fussy(target.type)  # type: ignore[attr-defined]
    outcomes = transport.deliver(requests(target, 10))
    assert [each.code for each in outcomes] == [
        "target_refused" if number == 4 else None for number in range(10)
    ]
    assert len(fussy.requests) == 9


@pytest.mark.parametrize("odd", ["\uffff", "a\ufffeb"])
@TARGETS
def test_every_character_reaches_a_target(target: Target, odd: str) -> None:
    transport, recorder, entries = batching(target)
    metadata = {"correlation_id": odd, "trace_id": "t-1"}
    to = subscription(target=target)
    sent = event("evt_1", payload={odd: odd}, metadata=metadata)
    recorder.answer = {"Entries": [{"EventId": "1"}]}
    transport.deliver([DeliveryRequest(DeliveryKey("evt_1", to.id), sent, to)])
    [[entry]] = [request[entries] for request in recorder.requests]
    text = entry.get("MessageBody") or entry.get("Message") or entry["Detail"]
    assert accepted(text)
    body = orjson.loads(text)
    assert (body["payload"], body["metadata"]["correlation_id"]) == ({odd: odd}, odd)
    if "MessageAttributes" in entry:
        # An attribute has no escapes: this one is in the body alone.
        assert "correlation_id" not in entry["MessageAttributes"]
        assert entry["MessageAttributes"]["trace_id"]["StringValue"] == "t-1"


@pytest.mark.parametrize("target", [SQS, SNS], ids=lambda each: each.type)
def test_each_entry_of_a_batch_is_judged_on_its_own(target: Target) -> None:
    transport, recorder, _ = batching(target)
    recorder.answer = {
        "Successful": [{"Id": "0"}, {"Id": "2"}],
        "Failed": [{"Id": "1", "Code": "InvalidMessageContents", "Message": "what?"}],
    }
    outcomes = transport.deliver(requests(target, 3))
    assert [each.code for each in outcomes] == [None, "target_refused", None]
    assert outcomes[1].response == "what?"


def test_each_entry_of_an_event_bus_is_judged_on_its_own() -> None:
    transport, recorder, _ = batching(BRIDGE)
    failed = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow"}
    recorder.answer = {"Entries": [{"EventId": "1"}, failed, {"EventId": "2"}]}
    codes = [each.code for each in transport.deliver(requests(BRIDGE, 3))]
    assert codes == [None, "throttled", None]


def test_a_message_carries_the_event_and_what_it_can_be_filtered_by() -> None:
    transport, recorder, _ = batching(SQS)
    [sent] = requests(SQS, 1, metadata={"correlation_id": "c-1", "version": "2"})
    transport.deliver([sent])
    [request] = recorder.requests
    assert request["QueueUrl"] == "https://sqs.example/orders"
    [entry] = request["Entries"]
    assert orjson.loads(entry["MessageBody"]) == orjson.loads(orjson.dumps(sent.event.envelope()))
    assert {name: each["StringValue"] for name, each in entry["MessageAttributes"].items()} == {
        "id": "evt_0",
        "type": "task.created",
        "source": "planner",
        "correlation_id": "c-1",
    }
    assert "MessageGroupId" not in entry


def test_a_fifo_queue_keeps_streams_and_leaves_out_repetitions() -> None:
    transport, recorder, _ = batching(FIFO)
    long = "s" * 200
    sent = [
        *requests(FIFO, 1),
        *requests(FIFO, 1, metadata={"stream_id": "task/1"}),
        *requests(FIFO, 1, metadata={"stream_id": long}),
    ]
    sent.append(
        DeliveryRequest(DeliveryKey("evt_0", "sub_1", "rpl_1"), sent[0].event, sent[0].subscription)
    )
    transport.deliver(sent)
    [request] = recorder.requests
    groups = [each["MessageGroupId"] for each in request["Entries"]]
    assert groups[:2] == ["evt_0", "planner/task/1"]
    assert len(groups[2]) == 64
    assert [each["MessageDeduplicationId"] for each in request["Entries"]] == [
        *("evt_0", "evt_0", "evt_0"),
        "evt_0:rpl_1",
    ]


@pytest.mark.parametrize(
    ("trace_id", "header"),
    [
        ("4bf92f3577b34da6a3ce929d0e0e4736", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736"),
        ("mine", None),
    ],
)
def test_an_event_bus_gets_the_event_as_an_entry(trace_id: str, header: str | None) -> None:
    transport, recorder, _ = batching(BRIDGE)
    recorder.answer = {"Entries": [{"EventId": "1"}]}
    [sent] = requests(BRIDGE, 1, metadata={"trace_id": trace_id})
    transport.deliver([sent])
    [[entry]] = [request["Entries"] for request in recorder.requests]
    assert orjson.loads(entry.pop("Detail"))["id"] == "evt_0"
    assert entry == {
        "EventBusName": BRIDGE.event_bus,
        "Source": "planner",
        "DetailType": "task.created",
        "Time": sent.event.timestamp,
        **({"TraceHeader": header} if header else {}),
    }


def invoked(target: LambdaTarget, answer: Any, **members: Any) -> tuple[Outcome, list[Any]]:
    """What came of an invocation, and what was replied."""
    replies = KeptReplies()
    recorder = Recorder("lambda", answer=answer)
    [outcome] = LambdaTransport(lambda: replies, recorder).deliver(requests(target, 1, **members))
    return outcome, [result for result, _ in replies.kept]


def returned(body: bytes, **members: Any) -> dict[str, Any]:
    return {"Payload": io.BytesIO(body), **members}


def test_a_function_that_returns_has_the_event() -> None:
    outcome, replies = invoked(LambdaTarget(BILL), returned(b""))
    assert outcome.delivered
    assert replies == []


def test_a_function_that_fails_is_a_failure() -> None:
    error = returned(b'{"errorMessage": "no"}' + b" " * 1_000, FunctionError="Unhandled")
    outcome, _ = invoked(LambdaTarget(BILL, "sync"), error)
    assert outcome.code == "function_error"
    assert outcome.response.startswith('{"errorMessage": "no"}')
    assert len(outcome.response) == 256


@pytest.mark.parametrize(
    ("reply", "metadata", "replied"),
    [
        (True, {"reply_to": "bill.made"}, [{"total": 3}]),
        (True, {}, []),
        (False, {"reply_to": "bill.made"}, []),
    ],
)
def test_a_result_is_the_reply_where_both_ask_for_one(
    reply: bool, metadata: dict[str, Any], replied: list[Any]
) -> None:
    target = LambdaTarget(BILL, "sync", reply)
    outcome, replies = invoked(target, returned(b'{"total": 3}'), metadata=metadata)
    assert outcome.delivered
    assert replies == replied


def test_a_result_that_is_not_json_is_no_reply() -> None:
    target = LambdaTarget(BILL, "sync", reply=True)
    outcome, replies = invoked(target, returned(b"NaN"), metadata={"reply_to": "bill.made"})
    assert outcome.code == "reply_refused"
    assert replies == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DENIED, "access_denied"),
        (ReadTimeoutError(endpoint_url="https://aws.example"), "timeout"),
        (ConnectionClosedError(endpoint_url="https://aws.example"), "connection_broken"),
    ],
)
def test_a_request_that_fails_is_a_failure(error: Exception, code: str) -> None:
    outcome, _ = invoked(LambdaTarget(BILL), error)
    assert outcome.code == code


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("AWS.SimpleQueueService.NonExistentQueue", "target_not_found"),
        ("ResourceNotFoundException", "target_not_found"),
        ("NotFoundException", "target_not_found"),
        ("KMSAccessDeniedException", "access_denied"),
        ("AuthorizationError", "access_denied"),
        ("TooManyRequestsException", "throttled"),
        ("RequestThrottled", "throttled"),
        ("InvalidParameterValue", "target_refused"),
    ],
)
def test_an_error_of_aws_has_a_word_that_does_not_change(code: str, word: str) -> None:
    error = ClientError({"Error": {"Code": code, "Message": "x" * 1_000}}, "Send")
    outcome = failure(error)
    assert outcome.code == word
    assert len(outcome.response) == 256
    assert code.rpartition(".")[2] in outcome.message
