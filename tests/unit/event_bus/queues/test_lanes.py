"""Messages go to their lane in few requests, and none is lost silently."""

import io
import json
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message, from_json
from event_bus.queues.sending import NotSent

from tests.aws import Aws
from tests.builders import event, message, subscription
from tests.faults import grudging, not_sent

MAX_REQUEST_BYTES = 240 * 1024
QUEUE = "https://queue.example"


REFUSAL: Any = {"Code": "InvalidMessageContents", "Message": "Invalid character #xFFFF was found"}
INVALID = ClientError({"Error": REFUSAL}, "Send")


class FussyQueue:
    """Refuses messages with some text: the whole batch, or the entries alone, as SQS may."""

    def __init__(self, unwanted: str, *, whole: bool) -> None:
        self.unwanted, self.whole = unwanted, whole
        self.taken: list[Message] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[Any]) -> Any:  # noqa: N803
        assert QueueUrl == QUEUE
        bad = [each for each in Entries if self.unwanted in each["MessageBody"]]
        if bad and self.whole:
            raise INVALID
        self.taken += [from_json(each["MessageBody"]) for each in Entries if each not in bad]
        failed = {**REFUSAL, "SenderFault": True}
        return {"Failed": [{"Id": each["Id"], **failed} for each in bad]}


class RecordingQueue:
    """Takes every batch it is sent."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[Any]) -> Any:  # noqa: N803
        assert QueueUrl == QUEUE
        self.batches.append(Entries)
        return {}


def messages(count: int, text: str = "") -> list[Message]:
    return [
        message(event(f"evt_{number}", payload={"text": text}), subscription(f"sub_{number}"))
        for number in range(count)
    ]


def lanes(client: Any, executor: Executor, url: str = QUEUE) -> Lanes:
    return Lanes(client, {"http": url}, executor)


def test_every_message_arrives_once(aws: Aws, executor: Executor) -> None:
    url = aws.queue()
    lanes(aws.sqs, executor, url).send(messages(25))
    arrived = [from_json(body) for body in aws.take(url)]
    assert sorted(each.event_id for each in arrived) == sorted(
        each.event_id for each in messages(25)
    )


def test_a_single_request_needs_no_free_thread() -> None:
    class Occupied(Executor):
        """An executor whose threads all send a message."""

        def map(self, *_: object, **_more: object) -> Any:
            raise AssertionError("it would wait for ever")

    queue = RecordingQueue()
    assert lanes(queue, Occupied()).send(messages(10)) == []
    assert [len(batch) for batch in queue.batches] == [10]


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (10, [10]), (11, [1, 10]), (25, [5, 10, 10])]
)
def test_a_request_takes_ten_messages(executor: Executor, count: int, sizes: list[int]) -> None:
    queue = RecordingQueue()
    lanes(queue, executor).send(messages(count))
    assert sorted(len(batch) for batch in queue.batches) == sizes


@pytest.mark.parametrize("text", ["x" * 16_370, "ü" * 8_185, '"' * 8_185, "\x01" * 2_728])
def test_a_request_stays_below_what_the_queue_takes(executor: Executor, text: str) -> None:
    metadata = {f"k{number}": "ü" * 505 for number in range(8)}
    large = [
        message(
            event(f"evt_{number}", payload={"text": text}, metadata=metadata),
            subscription(f"sub_{number}"),
        )
        for number in range(21)
    ]
    queue = RecordingQueue()
    lanes(queue, executor).send(large)
    assert sum(len(batch) for batch in queue.batches) == 21
    for batch in queue.batches:
        assert sum(len(each["MessageBody"].encode()) for each in batch) <= MAX_REQUEST_BYTES


def test_the_texts_of_many_messages_are_not_held_together(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, held = 0, []
    to_json = Message.to_json

    def counted(each: Message) -> str:
        nonlocal written
        written += 1
        return to_json(each)

    class Counting(RecordingQueue):
        """Notes how many messages are written and not yet sent."""

        def send_message_batch(self, QueueUrl: str, Entries: list[Any]) -> Any:  # noqa: N803
            answer = super().send_message_batch(QueueUrl, Entries)
            held.append(written - sum(map(len, self.batches)))
            return answer

    monkeypatch.setattr(Message, "to_json", counted)
    queue = Counting()
    lanes(queue, executor).send(messages(2_000))
    assert sum(map(len, queue.batches)) == 2_000
    assert max(held) <= 700


def test_a_message_is_grouped_by_its_subscription(executor: Executor) -> None:
    queue = RecordingQueue()
    lanes(queue, executor).send(messages(3))
    groups = sorted(each["MessageGroupId"] for batch in queue.batches for each in batch)
    assert groups == ["sub_0", "sub_1", "sub_2"]


def test_only_refused_messages_are_sent_again(aws: Aws, executor: Executor) -> None:
    url = aws.queue()
    slow = grudging(aws.sqs, 4)
    lanes(slow, executor, url).send(messages(10))
    arrived = sorted(from_json(body).event_id for body in aws.take(url))
    assert arrived == sorted(each.event_id for each in messages(10))
    assert slow.calls == 3


def test_messages_refused_in_every_try_raise_an_error(aws: Aws, executor: Executor) -> None:
    with pytest.raises(NotSent, match="7 messages: ThrottlingException"):
        lanes(grudging(aws.sqs, 1), executor, aws.queue()).send(messages(10))


def test_a_failed_batch_raises_its_error(aws: Aws, executor: Executor) -> None:
    url = aws.queue()
    with not_sent(aws.sqs, "SendMessageBatch"), pytest.raises(Exception, match="closed"):
        lanes(aws.sqs, executor, url).send(messages(25))


BOTH_WAYS = pytest.mark.parametrize("whole", [True, False], ids=["batch", "entry"])


def with_text(number: int, text: str) -> Message:
    return message(event(f"evt_{number}", payload={"text": text}), subscription("sub_1"))


@BOTH_WAYS
def test_an_event_that_a_lane_refuses_is_read_there(executor: Executor, whole: bool) -> None:
    queue = FussyQueue("odd", whole=whole)
    sent = [with_text(number, "odd" if number == 4 else "fine") for number in range(12)]
    assert lanes(queue, executor).send(sent) == []
    assert sorted(each.event_id for each in queue.taken) == sorted(each.event_id for each in sent)
    assert [each.event_id for each in queue.taken if each.event is None] == ["evt_4"]


@BOTH_WAYS
def test_a_message_that_a_lane_refuses_is_returned(executor: Executor, whole: bool) -> None:
    queue = FussyQueue("evt_4", whole=whole)
    refused = lanes(queue, executor).send([with_text(number, "") for number in range(10)])
    assert [(each.event_id, each.event) for each in refused] == [("evt_4", None)]
    assert len({each.event_id for each in queue.taken}) == len(queue.taken) == 9


@BOTH_WAYS
def test_the_log_says_why_a_lane_refuses_a_message(
    executor: Executor, log: io.StringIO, whole: bool
) -> None:
    lanes(FussyQueue("evt_4", whole=whole), executor).send([with_text(4, "")])
    [line] = map(json.loads, log.getvalue().splitlines())
    assert (line["message"], line["event_id"]) == ("message refused", "evt_4")
    assert "InvalidMessageContents" in line["reason"]
    assert "#xFFFF" in line["reason"]


def test_a_lane_that_does_not_exist_refuses_its_messages_alone(executor: Executor) -> None:
    queue = RecordingQueue()
    unknown = replace(message(event("evt_2"), subscription("sub_2")), protocol="pigeon", event=None)
    assert lanes(queue, executor).send([*messages(1), unknown]) == [unknown]
    assert [len(batch) for batch in queue.batches] == [1]


@pytest.mark.parametrize("text", ["\uffff", "\ufffe", "\x00\x0b\x1f", "\\\uffff"])
def test_every_character_reaches_the_lane(aws: Aws, executor: Executor, text: str) -> None:
    url = aws.queue()
    metadata = {"note": text}
    sent = message(event("evt_1", payload={text: text}, metadata=metadata), subscription("sub_1"))
    lanes(aws.sqs, executor, url).send([sent])
    [body] = aws.take(url)
    assert not set(body) & {"\ufffe", "\uffff"}
    assert from_json(body) == sent
