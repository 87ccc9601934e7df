"""Requests that DynamoDB carries out in part are repeated, with pauses between them."""

from collections.abc import Callable
from typing import Any

import pytest
from event_bus.stores.items import BATCH_PAUSE_SECONDS, batch_get, batch_write

from tests.aws import Aws
from tests.faults import grudging


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The longest that each pause may take."""
    longest: list[float] = []

    def uniform(_low: float, high: float) -> float:
        longest.append(high)
        return 0.0

    monkeypatch.setattr("event_bus.conflicts.random.uniform", uniform)
    return longest


def put(number: int) -> Any:
    return {
        "PutRequest": {"Item": {"event_id": {"S": "e"}, "subscription_id": {"S": f"#{number}"}}}
    }


def test_keys_that_were_left_unread_are_asked_for_after_growing_pauses(
    aws: Aws, pauses: list[float]
) -> None:
    batch_write(aws.dynamodb, "deliveries", [put(number) for number in range(7)])
    assert pauses == []
    keys = [put(number)["PutRequest"]["Item"] for number in range(7)]
    found = batch_get(grudging(aws.dynamodb, 2), "deliveries", keys)
    assert len(found) == 7
    assert pauses == [BATCH_PAUSE_SECONDS * factor for factor in (1, 2, 4)]


def read_one(client: Any) -> None:
    batch_get(client, "deliveries", [put(1)["PutRequest"]["Item"]])


def write_one(client: Any) -> None:
    batch_write(client, "deliveries", [put(1)])


@pytest.mark.parametrize("ask", [read_one, write_one])
def test_a_table_that_never_answers_is_given_up_within_seconds(
    aws: Aws, pauses: list[float], ask: Callable[[Any], None]
) -> None:
    never = grudging(aws.dynamodb, 0)
    with pytest.raises(TimeoutError):
        ask(never)
    assert never.calls == 8
    assert len(pauses) == 7
    assert pauses == sorted(pauses)
    assert sum(pauses) < 4
