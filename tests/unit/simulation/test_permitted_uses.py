"""Simulated functions use tables as their roles permit, and in no other way."""

from typing import Any

import pytest

from tests.simulation.known import Violation
from tests.simulation.process import simulated
from tests.simulation.stories.story import event, failing, in_stream
from tests.simulation.world import World
from tests.table_uses import TABLES


def deliver(world: World) -> None:
    """Publishes an event of a stream, and delivers it in order."""
    with simulated(world, 1):
        world.subscribe(["task.*"], failing(0), ordered=True)
        world.publish(event("one", **in_stream("task/1")))
        world.settle()


@pytest.mark.parametrize(
    ("function", "table", "action"),
    [
        ("publish", "events", "PutItem"),
        ("publish", "streams", "Query"),
        ("route", "deliveries", "PutItem"),
        ("deliver_http_paced", "cursors", "UpdateItem"),
    ],
)
def test_a_use_that_a_role_does_not_permit_is_noticed(
    function: str, table: str, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = TABLES[function]
    monkeypatch.setitem(TABLES, function, {**own, table: own[table] - {action}})
    with pytest.raises(Violation, match=f"{function} has no permission for {action} on {table}"):
        deliver(World(1))


def test_what_the_world_does_itself_needs_no_role(monkeypatch: pytest.MonkeyPatch) -> None:
    for function in TABLES:
        monkeypatch.setitem(TABLES, function, {})
    dynamodb: Any = World(1).clients["dynamodb"]
    key = {"owner": {"S": "sub_1"}, "name": {"S": "task/1"}}
    assert dynamodb.get_item(TableName="cursors", Key=key) == {}
