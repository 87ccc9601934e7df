"""Entries of an inbox that have expired, and that DynamoDB has not deleted yet."""

from dataclasses import replace
from typing import Any, cast

from event_bus.model.delivery import DeliveryKey

from tests.aws import Aws


def _keys(*names: str) -> list[DeliveryKey]:
    return [DeliveryKey(name, "sub_1") for name in names]


def test_many_expired_entries_are_passed_over_in_few_requests(aws: Aws) -> None:
    expired = replace(aws.inboxes, retention_days=-1)
    for begin in range(0, 990, 99):
        expired.append("sub_1", _keys(*(f"evt_{place}" for place in range(begin, begin + 99))))
    aws.inboxes.append("sub_1", _keys("evt_a", "evt_b"))
    used: list[str] = []
    dynamodb = cast("Any", aws.dynamodb)
    dynamodb.check = lambda action, _table: used.append(action)
    found = aws.inboxes.after("sub_1", 0, 1)
    assert [(each.position, each.key.event_id) for each in found] == [(991, "evt_a")]
    assert used == ["dynamodb:Query"] * 6


def test_an_inbox_of_expired_entries_is_empty(aws: Aws) -> None:
    expired = replace(aws.inboxes, retention_days=-1)
    for begin in (0, 99):
        expired.append("sub_1", _keys(*(f"evt_{place}" for place in range(begin, begin + 99))))
    for limit in (1, 5, 198, 1_000):
        assert aws.inboxes.after("sub_1", 0, limit) == []
