"""The audit log gets operations, but not every refusal of a flood."""

import io
from typing import Any

import orjson
from event_bus.model.audit_entries import entry
from event_bus.queues.audit_recorder import MOST_REFUSALS, AuditRecorder

from tests.aws import Aws
from tests.builders import NOON
from tests.clock import Clock
from tests.faults import not_sent


def made(status: Any = "success") -> dict[str, Any]:
    return entry("r-1", NOON, "key.create", "shop", "ebk_1", status, route="POST /x", nothing=None)


def test_an_entry_is_sent_as_it_is(aws: Aws) -> None:
    url = aws.queue()
    AuditRecorder(aws.sqs, url).record(made())
    [sent] = aws.take(url)
    assert orjson.loads(sent) == {
        "id": "r-1",
        "timestamp": NOON,
        "action": "key.create",
        "actor": "shop",
        "resource": "ebk_1",
        "resource_type": "key",
        "details": {"route": "POST /x"},
        "status": "success",
        "ip_address": None,
    }


def test_an_entry_is_sent_whatever_it_names(aws: Aws) -> None:
    url = aws.queue()
    AuditRecorder(aws.sqs, url).record({**made(), "resource": "\uffff\ufffe\x00"})
    [sent] = aws.take(url)
    assert not {"\uffff", "\ufffe"} & set(sent)
    assert orjson.loads(sent)["resource"] == "\uffff\ufffe\x00"


def test_a_flood_of_refusals_is_counted(aws: Aws) -> None:
    url, clock = aws.queue(), Clock()
    recorder = AuditRecorder(aws.sqs, url, clock)
    for _ in range(MOST_REFUSALS + 5):
        recorder.record(made("denied"))
    assert len(aws.take(url)) == MOST_REFUSALS
    recorder.record(made())
    [told] = aws.take(url)
    assert orjson.loads(told)["details"]["left_out"] == 5
    clock.now += 61
    recorder.record(made("denied"))
    [told] = aws.take(url)
    assert "left_out" not in orjson.loads(told)["details"]


def test_an_entry_that_cannot_be_sent_is_logged_whole(aws: Aws, log: io.StringIO) -> None:
    recorder = AuditRecorder(aws.sqs, aws.queue())
    with not_sent(aws.sqs, "SendMessage"):
        recorder.record(made())
    [line] = [each for each in log.getvalue().splitlines() if "audit entry not sent" in each]
    assert orjson.loads(line)["entry"]["id"] == "r-1"
