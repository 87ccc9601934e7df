"""What could not be routed waits in a queue, and is found again there."""

from typing import Any, cast

import orjson
import pytest
from event_bus.queues.sending import NotSent
from event_bus.queues.unroutable import UnroutableQueue, unroutable_in

from tests.aws import Aws
from tests.faults import grudging

BATCH = {"Records": [{"dynamodb": {"Keys": {"id": {"S": each}}}} for each in ("evt_1", "evt_2")]}


def nothing_to_read(bucket: str, key: str) -> bytes:
    raise AssertionError(f"{bucket}/{key} was read")


@pytest.mark.parametrize("count", [0, 1, 10, 23])
def test_every_event_waits_in_the_queue(aws: Aws, count: int) -> None:
    url = aws.queue()
    ids = [f"evt_{number}" for number in range(count)]
    UnroutableQueue(aws.sqs, url).send(ids)
    found = [each for body in aws.take(url) for each in unroutable_in(body, nothing_to_read)]
    assert sorted(found) == sorted(ids)


def test_events_refused_in_every_try_raise_an_error(aws: Aws) -> None:
    slow = grudging(aws.sqs, 1)
    with pytest.raises(NotSent, match="2 messages"):
        UnroutableQueue(slow, aws.queue()).send([f"evt_{number}" for number in range(5)])


def test_an_event_whose_content_is_refused_raises_an_error() -> None:
    class Refusing:
        def send_message_batch(self, **request: Any) -> Any:
            code = {"Code": "InvalidMessageContents", "SenderFault": True}
            return {"Failed": [{"Id": each["Id"], **code} for each in request["Entries"][1:]]}

    with pytest.raises(NotSent, match="1 messages: refused"):
        UnroutableQueue(cast("Any", Refusing()), "https://queue").send(["evt_1", "evt_2"])


def test_only_refused_events_are_sent_again(aws: Aws) -> None:
    url = aws.queue()
    UnroutableQueue(grudging(aws.sqs, 1), url).send(["evt_1", "evt_2", "evt_3"])
    found = [each for body in aws.take(url) for each in unroutable_in(body, nothing_to_read)]
    assert sorted(found) == ["evt_1", "evt_2", "evt_3"]


@pytest.mark.parametrize("payload", [BATCH, orjson.dumps(BATCH).decode()], ids=["object", "text"])
def test_events_that_lambda_gave_up_are_read_from_the_bucket(payload: Any) -> None:
    objects = {("failures", "aws/lambda/1"): orjson.dumps({"payload": payload})}
    notice = {"detail": {"bucket": {"name": "failures"}, "object": {"key": "aws/lambda/1"}}}
    found = unroutable_in(orjson.dumps(notice).decode(), lambda *name: objects[name])
    assert found == ["evt_1", "evt_2"]
