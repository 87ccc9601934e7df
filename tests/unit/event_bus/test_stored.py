"""What a later version of the bus has stored can be read."""

from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from event_bus.model.registration import SealedSecret
from event_bus.queues.message import Message, from_json
from event_bus.stored import restored

from tests.aws import Aws
from tests.builders import event, publisher, replay, subscription


@dataclass(frozen=True, slots=True)
class Point:
    """A record with a member that has no default."""

    x: int
    y: int = 0


def test_members_of_a_later_version_are_left_out() -> None:
    assert restored(Point, {"x": 1, "y": 2, "z": 3}) == Point(1, 2)
    assert restored(Point, {"x": 1}) == Point(1)


def test_a_missing_member_is_an_error() -> None:
    with pytest.raises(TypeError):
        restored(Point, {"y": 2})


def _add_members(aws: Aws, table: str, key: dict[str, Any]) -> None:
    """Stores an item again as a later version of the bus would."""
    item = aws.dynamodb.get_item(TableName=table, Key=key)["Item"]
    members = orjson.loads(item["document"]["S"])
    for name, value in members.items():
        if name in ("target", "retry_policy"):
            members[name] = {**value, "of_a_later_version": 1}
        elif name == "signing_secrets":
            members[name] = [{**each, "of_a_later_version": 1} for each in value]
    item["document"] = {"S": orjson.dumps({**members, "of_a_later_version": [1]}).decode()}
    aws.dynamodb.put_item(TableName=table, Item=item)


def test_a_subscription_of_a_later_version_is_read(aws: Aws) -> None:
    secrets = (SealedSecret("sealed"),)
    stored = aws.subscriptions.create(subscription(signing_secrets=secrets))
    _add_members(aws, aws.subscriptions.table, {"id": {"S": stored.id}})
    assert aws.subscriptions.get(stored.id) == stored


def test_a_publisher_and_a_replay_of_a_later_version_are_read(aws: Aws) -> None:
    aws.add_publishers(publisher("shop", "order.*"))
    _add_members(aws, aws.publishers.table, {"service_id": {"S": "shop"}})
    assert aws.publishers.get("shop") == publisher("shop", "order.*")
    aws.replays.add(replay())
    _add_members(aws, aws.replays.table, {"id": {"S": "rpl_1"}})
    assert aws.replays.get("rpl_1") == replay()


def test_a_message_of_a_later_version_is_read() -> None:
    message = Message("evt_1", "sub_1", "shop", 1, event("evt_1"))
    members = orjson.loads(message.to_json())
    members["event"]["of_a_later_version"] = {"a": 1}
    read = from_json(orjson.dumps({**members, "of_a_later_version": True}).decode())
    assert read == from_json(message.to_json())
