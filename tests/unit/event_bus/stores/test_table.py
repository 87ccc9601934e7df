"""Requests that DynamoDB carries out in part are repeated, with pauses between them."""

from typing import Any

import pytest
from event_bus.stores.table import BATCH_PAUSE_SECONDS, Table, tables_get

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


def key(number: int) -> Any:
    return {"event_id": {"S": "e"}, "subscription_id": {"S": f"#{number}"}}


def stored(aws: Aws, *numbers: int) -> list[Any]:
    """Stores items, and returns their keys."""
    keys = [key(number) for number in numbers]
    for each in keys:
        aws.dynamodb.put_item(TableName="deliveries", Item=each)
    return keys


def test_keys_that_were_left_unread_are_asked_for_after_growing_pauses(
    aws: Aws, pauses: list[float]
) -> None:
    keys = stored(aws, *range(7))
    found = Table(grudging(aws.dynamodb, 2), "deliveries").batch_get(keys)
    assert len(found) == 7
    assert pauses == [BATCH_PAUSE_SECONDS * factor for factor in (1, 2, 4)]


def test_what_one_table_left_unread_is_asked_for_alone(aws: Aws, pauses: list[float]) -> None:
    keys = stored(aws, 1, 2)
    cursor = {"owner": {"S": "sub_1"}, "name": {"S": "task/1"}}
    aws.dynamodb.put_item(TableName="cursors", Item=cursor)
    asked: list[set[str]] = []

    class One:
        """Reads one table of a request."""

        def batch_get_item(self, RequestItems: dict[str, Any]) -> Any:  # noqa: N803
            asked.append(set(RequestItems))
            table, *later = RequestItems
            answer = aws.dynamodb.batch_get_item(RequestItems={table: RequestItems[table]})
            return {**answer, "UnprocessedKeys": {each: RequestItems[each] for each in later}}

    one: Any = One()
    deliveries, cursors = tables_get(
        (Table(one, "deliveries"), keys), (Table(one, "cursors"), [cursor]), ConsistentRead=True
    )
    assert len(deliveries) == 2
    assert cursors == [cursor]
    assert asked == [{"deliveries", "cursors"}, {"cursors"}]
    assert len(pauses) == 1


def test_a_table_that_never_answers_is_given_up_within_seconds(
    aws: Aws, pauses: list[float]
) -> None:
    never = grudging(aws.dynamodb, 0)
    with pytest.raises(TimeoutError):
        Table(never, "deliveries").batch_get([key(1)])
    assert never.calls == 8
    assert len(pauses) == 7
    assert pauses == sorted(pauses)
