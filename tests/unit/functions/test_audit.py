"""The audit log is written, whatever one message of a batch holds."""

from typing import Any

import orjson
import pytest
from event_bus.model.audit_entries import entry
from event_bus.settings import settings
from event_bus.stores.event_items import to_item

from tests.aws import Aws
from tests.builders import NOON, event
from tests.handlers import Functions

GOOD = entry("r-1", NOON, "key.create", "shop", "ebk_1", "success")


class Appended:
    """Keeps what is appended."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def append(self, _: str, entries: list[dict[str, Any]]) -> None:
        self.ids += [each["id"] for each in entries]


@pytest.fixture
def appended(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> Appended:
    """What the function appends."""
    for name in ("AUDIT_BUCKET", "AUDIT_KEY_ARN", "AUDIT_RETENTION_DAYS"):
        monkeypatch.setenv(name, "30")
    kept = Appended()
    monkeypatch.setattr(functions.load("audit"), "_appender", kept)
    return kept


def test_blocks_are_kept_as_long_as_the_setting_says(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AUDIT_BUCKET", "AUDIT_KEY_ARN"):
        monkeypatch.setenv(name, "given")
    monkeypatch.setenv("AUDIT_RETENTION_DAYS", "400")
    assert functions.load("audit")._appender.blocks.retention_days == 400


@pytest.mark.parametrize(
    "body",
    [
        "not JSON",
        "null",
        "[]",
        "{}",
        orjson.dumps({**GOOD, "timestamp": "soon"}).decode(),
        orjson.dumps({**GOOD, "details": "many"}).decode(),
        orjson.dumps({name: each for name, each in GOOD.items() if name != "status"}).decode(),
    ],
)
def test_one_message_that_cannot_be_read_is_kept_alone(
    functions: Functions, appended: Appended, body: str
) -> None:
    bodies = [orjson.dumps({**GOOD, "id": "r-0"}).decode(), body, orjson.dumps(GOOD).decode()]
    assert functions.invoke("audit", messages(*bodies)) == kept("m-1")
    assert appended.ids == ["r-0", "r-1"]


def messages(*bodies: str) -> dict[str, Any]:
    """What the queue hands over."""
    return {
        "Records": [
            {"eventSource": "aws:sqs", "messageId": f"m-{number}", "body": each}
            for number, each in enumerate(bodies)
        ]
    }


def kept(*message_ids: str) -> dict[str, Any]:
    """The answer that leaves messages in the queue."""
    return {"batchItemFailures": [{"itemIdentifier": each} for each in message_ids]}


def record(item: dict[str, Any]) -> dict[str, Any]:
    """What the stream hands over of an event."""
    return {
        "eventSource": "aws:dynamodb",
        "dynamodb": {"Keys": {"id": item["id"]}, "NewImage": item},
    }


UNREADABLE: dict[str, Any] = {
    "id": {"S": "evt_bad"},
    "type": {"N": "7"},
    "expires_at": {"N": str(2**40)},
}


def test_an_event_that_cannot_be_read_is_set_aside_alone(
    functions: Functions, appended: Appended, aws: Aws
) -> None:
    good = [to_item(event(f"evt_{number}", source=f"s{number}"), 1) for number in range(2)]
    batch = {"Records": [record(each) for each in (good[0], UNREADABLE, good[1])]}
    assert functions.invoke("audit", batch) == kept()
    assert appended.ids == ["publish:evt_0", "publish:evt_1"]
    [message] = aws.take(settings().audit_queue_url)
    assert orjson.loads(message) == {"event_id": "evt_bad"}
    # It stays in the queue until it can be read: then it is written.
    aws.dynamodb.put_item(TableName=aws.tables["events"], Item=UNREADABLE)
    entry_message = orjson.dumps(GOOD).decode()
    assert functions.invoke("audit", messages(message, entry_message)) == kept("m-0")
    assert appended.ids[2:] == ["r-1"]
    aws.dynamodb.put_item(TableName=aws.tables["events"], Item=to_item(event("evt_bad"), 1))
    assert functions.invoke("audit", messages(message)) == kept()
    assert "publish:evt_bad" in appended.ids


def test_a_batch_that_lambda_gave_up_is_written(
    functions: Functions, appended: Appended, aws: Aws
) -> None:
    items = [to_item(event(f"evt_{number}", source=f"s{number}"), 1) for number in range(3)]
    for each in (*items, UNREADABLE):
        aws.dynamodb.put_item(TableName=aws.tables["events"], Item=each)
    batch = {"Records": [record(each) for each in (*items, UNREADABLE)]}
    given_up = orjson.dumps({"payload": orjson.dumps(batch).decode()})
    aws.s3.put_object(Bucket=aws.bucket, Key="given-up", Body=given_up)
    notice = {"detail": {"bucket": {"name": aws.bucket}, "object": {"key": "given-up"}}}
    gone = {"detail": {"bucket": {"name": aws.bucket}, "object": {"key": "missing"}}}
    asked = messages(orjson.dumps(gone).decode(), orjson.dumps(notice).decode())
    assert functions.invoke("audit", asked) == kept("m-0")
    assert sorted(appended.ids) == ["publish:evt_0", "publish:evt_1", "publish:evt_2"]
    [message] = aws.take(settings().audit_queue_url)
    assert orjson.loads(message) == {"event_id": "evt_bad"}
