"""Simulated functions use AWS as their roles permit, and in no other way."""

from typing import Any

import pytest

from tests.service_uses import PAYLOADS, SEALING, SENDERS
from tests.simulation.known import Violation
from tests.simulation.process import simulated
from tests.simulation.stories.story import event, failing, in_stream
from tests.simulation.world import World
from tests.table_uses import TABLES


def deliver(world: World, event_id: str = "one", **members: Any) -> None:
    """Publishes an event of a stream, and delivers it in order."""
    with simulated(world, 1):
        world.subscribe(["task.*"], failing(0), ordered=True)
        world.publish(event(event_id, **in_stream("task/1"), **members))
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
    refused = f"{function} has no permission for dynamodb:{action} on {table}"
    with pytest.raises(Violation, match=refused):
        deliver(World(1))


def test_a_message_that_a_role_does_not_permit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SENDERS, "http_paced_lane", {"deliver_http_paced"})
    refused = "deliver_http has no permission for sqs:SendMessage on http_paced_lane"
    with pytest.raises(Violation, match=refused):
        deliver(World(1))


@pytest.mark.parametrize(
    ("function", "left", "refused"),
    [
        ("publish", {("PutObject", "kept/")}, "publish has no permission for s3:PutObject"),
        ("deliver_http_paced", set(), "deliver_http_paced has no permission for s3:GetObject"),
    ],
)
def test_a_payload_that_a_role_does_not_permit_is_noticed(
    function: str, left: set[tuple[str, str]], refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PAYLOADS, function, left)
    with pytest.raises(Violation, match=f"{refused} on payloads/events/large/"):
        deliver(World(1), "large", payload={"text": "x" * 300_000})


def test_a_key_that_a_role_does_not_permit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SEALING, "signing-secret", {})
    refused = "registry has no permission for kms:Encrypt on signing-secret"
    with pytest.raises(Violation, match=refused):
        deliver(World(1))


def test_what_the_world_does_itself_needs_no_role(monkeypatch: pytest.MonkeyPatch) -> None:
    for function in TABLES:
        monkeypatch.setitem(TABLES, function, {})
    dynamodb: Any = World(1).clients["dynamodb"]
    key = {"owner": {"S": "sub_1"}, "name": {"S": "task/1"}}
    assert dynamodb.get_item(TableName="cursors", Key=key) == {}
