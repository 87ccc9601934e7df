"""Receivers in AWS Lambda, for each way in which events come."""

import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from event_bus_client import Event, Receiver
from event_bus_client.integrations.aws_lambda import direct, eventbridge, sqs, sqs_record

from tests.unit.clients.received import received

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:orders"


def record(name: str, body: str | None = None, group: str | None = None) -> dict[str, Any]:
    # https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    return {
        "messageId": f"message-{name}",
        "receiptHandle": "handle",
        "body": json.dumps(received(name)) if body is None else body,
        "attributes": {"MessageGroupId": group} if group else {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE + (".fifo" if group else ""),
    }


class Shop:
    """A receiver that fails for some events, and keeps the others."""

    def __init__(self, *failing: str) -> None:
        self.seen: list[str] = []
        self.failing = failing
        self.receiver = Receiver()
        self.receiver.on("order.placed")(self.handle)

    def handle(self, placed: Event) -> dict[str, Any]:
        if placed.id in self.failing:
            raise ValueError(placed.id)
        self.seen.append(placed.id)
        return {"billed": (placed.payload or {})["total"]}


def failed(answer: Any) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_an_event_comes_directly_and_is_answered() -> None:
    shop = Shop("e2")
    handler = direct(shop.receiver)
    assert [handler(received("e1"), None) for _ in "12"] == [{"billed": 250}] * 2
    assert handler(received("e1", replay_id="rpl_1"), None) == {"billed": 250}
    with pytest.raises(ValueError, match="e2"):
        handler(received("e2"), None)
    assert shop.seen == ["e1", "e1"]


def test_an_event_comes_from_a_rule_of_eventbridge() -> None:
    shop = Shop()
    envelope = {"detail-type": "order.placed", "source": "shop", "detail": received("e1")}
    assert eventbridge(shop.receiver)(envelope, None) == {"billed": 250}


def test_failed_messages_of_a_batch_are_reported() -> None:
    shop = Shop("e2")
    records = [record("e1"), record("e2"), record("e3", "{"), record("e4", "[]"), record("e5")]
    answer = sqs(shop.receiver)({"Records": [*records, record("e1")]}, None)
    assert failed(answer) == ["message-e2", "message-e3", "message-e4"]
    assert shop.seen == ["e1", "e5"]


def test_a_group_of_a_fifo_queue_stops_at_its_first_failure() -> None:
    shop = Shop("a1")
    records = [record("a1", group="a"), record("b1", group="b"), record("a2", group="a")]
    answer = sqs(shop.receiver)({"Records": [*records, record("b2", group="b")]}, None)
    assert failed(answer) == ["message-a1", "message-a2"]
    assert shop.seen == ["b1", "b2"]


def test_a_batch_is_worked_off_by_powertools() -> None:
    shop = Shop("e2")
    answer = process_partial_response(
        {"Records": [record("e1"), record("e2"), record("e3")]},
        sqs_record(shop.receiver),
        BatchProcessor(event_type=EventType.SQS),
    )
    assert failed(answer) == ["message-e2"]
    assert shop.seen == ["e1", "e3"]
