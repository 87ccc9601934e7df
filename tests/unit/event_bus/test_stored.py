"""What a later or an earlier version of the bus has stored can be read and changed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import event_bus.stores
import orjson
import pytest
from event_bus.model.read_model import Generation, ReadModel
from event_bus.model.schemas import TypeInIndex, TypeSchemas, VersionEntry
from event_bus.model.subscription import SealedSecret
from event_bus.queues.message import Message, from_json
from event_bus.stored import restored
from event_bus.stores.read_models import ReadModelStore
from event_bus.stores.refusals import Outdated
from event_bus.stores.schemas import SchemaIndex
from event_bus.stores.transactions import transact

from tests.aws import Aws
from tests.builders import NOON, event, publisher, replay, subscription
from tests.interference import before_next


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
    _add_members(aws, aws.subscriptions.table.name, {"id": {"S": stored.id}})
    assert aws.subscriptions.get(stored.id) == stored


def test_a_publisher_and_a_replay_of_a_later_version_are_read(aws: Aws) -> None:
    aws.add_publishers(publisher("shop", "order.*"))
    _add_members(aws, aws.publishers.table.name, {"service_id": {"S": "shop"}})
    assert aws.publishers.get("shop") == publisher("shop", "order.*")
    aws.replays.add(replay())
    _add_members(aws, aws.replays.table.name, {"id": {"S": "rpl_1"}})
    assert aws.replays.get("rpl_1") == replay()


def test_a_message_of_a_later_version_is_read() -> None:
    message = Message("evt_1", "sub_1", "shop", 1, event("evt_1"))
    members = orjson.loads(message.to_json())
    members["event"]["of_a_later_version"] = {"a": 1}
    read = from_json(orjson.dumps({**members, "of_a_later_version": True}).decode())
    assert read == from_json(message.to_json())


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a record that demands that nothing else has changed it.

    Attributes:
        table: The name of its table.
        key: Its key.
        record: The record.
        changed: The record after the change.
        optional: The path of a member that holds its default.
        add: Stores the record.
        get: Reads it.
        replace: Replaces one record by another; raises Outdated if it is refused.
    """

    table: str
    key: dict[str, Any]
    record: Any
    changed: Any
    optional: tuple[str, ...]
    add: Callable[[Any], Any]
    get: Callable[[], Any]
    replace: Callable[[Any, Any], Any]


def _of_a_publisher(aws: Aws) -> Change:
    record = publisher("shop", "order.*")
    return Change(
        aws.publishers.table.name,
        {"service_id": {"S": "shop"}},
        record,
        replace(record, name="Shop"),
        ("sensitive",),
        aws.add_publishers,
        lambda: aws.publishers.get("shop"),
        lambda before, after: transact([aws.publishers.replacing_part(before, after)]),
    )


def _of_a_replay(aws: Aws) -> Change:
    def move(before: Any, after: Any) -> None:
        if not aws.replays.move(before, after):
            raise Outdated

    record = replay()
    return Change(
        aws.replays.table.name,
        {"id": {"S": "rpl_1"}},
        record,
        replace(record, sent=3),
        ("stored_until",),
        aws.replays.add,
        lambda: aws.replays.get("rpl_1"),
        move,
    )


def _of_schemas(aws: Aws) -> Change:
    record = TypeSchemas("order.placed", "shop", NOON, NOON)
    changed = replace(record, versions=[VersionEntry(1, "digest", NOON, "shop")])
    return Change(
        aws.schemas.table.name,
        {"service_id": {"S": "schema#order.placed"}},
        record,
        changed,
        ("description",),
        lambda each: aws.schemas.put(None, each, aws.schemas.index()),
        lambda: aws.schemas.get("order.placed"),
        lambda before, after: aws.schemas.put(before, after, aws.schemas.index()),
    )


def _of_a_read_model(aws: Aws) -> Change:
    models = ReadModelStore(aws.table("states"), aws.table("changes"))
    building = Generation(1, 0, [], NOON)
    record = ReadModel("planner", "task", NOON, NOON, 1, building=building)
    return Change(
        models.table.name,
        {"partition": {"S": "models"}, "id": {"S": "planner#task"}},
        record,
        replace(record, building=replace(building, position="x")),
        ("building", "built_at"),
        lambda each: models.announce(None, each),
        lambda: models.get("planner", "task"),
        models.put,
    )


CHANGES = pytest.mark.parametrize(
    "made", [_of_a_publisher, _of_a_replay, _of_schemas, _of_a_read_model]
)


@CHANGES
def test_a_record_of_a_later_version_is_changed(aws: Aws, made: Callable[[Aws], Change]) -> None:
    change = made(aws)
    change.add(change.record)
    _add_members(aws, change.table, change.key)
    change.replace(change.get(), change.changed)
    assert change.get() == change.changed


@CHANGES
def test_a_record_of_an_earlier_version_is_changed(aws: Aws, made: Callable[[Aws], Change]) -> None:
    change = made(aws)
    change.add(change.record)
    item = aws.dynamodb.get_item(TableName=change.table, Key=change.key)["Item"]
    members = orjson.loads(item["document"]["S"])
    *above, optional = change.optional
    del reduce(getitem, above, members)[optional]
    item["document"] = {"S": orjson.dumps(members).decode()}
    aws.dynamodb.put_item(TableName=change.table, Item=item)
    assert change.get() == change.record
    change.replace(change.get(), change.changed)
    assert change.get() == change.changed


@CHANGES
def test_a_record_that_has_changed_is_not_replaced(aws: Aws, made: Callable[[Aws], Change]) -> None:
    change = made(aws)
    change.add(change.record)
    change.replace(change.record, change.changed)
    _add_members(aws, change.table, change.key)
    with pytest.raises(Outdated):
        change.replace(change.record, change.record)
    aws.dynamodb.delete_item(TableName=change.table, Key=change.key)
    with pytest.raises(Outdated):
        change.replace(change.changed, change.record)
    assert change.get() is None


@CHANGES
def test_of_two_changes_at_the_same_time_one_is_refused(
    aws: Aws, made: Callable[[Aws], Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    change = made(aws)
    change.add(change.record)
    for operation in ("put_item", "transact_write_items"):
        act = partial(change.replace, change.record, change.changed)
        before_next(aws, monkeypatch, operation, act)
    with pytest.raises(Outdated):
        change.replace(change.record, change.record)
    assert change.get() == change.changed


@pytest.mark.parametrize("made", [_of_schemas, _of_a_read_model])
def test_of_two_first_registrations_one_is_refused(aws: Aws, made: Callable[[Aws], Change]) -> None:
    change = made(aws)
    change.add(change.record)
    with pytest.raises(Outdated):
        change.add(change.changed)
    assert change.get() == change.record


def test_conditions_on_a_whole_document_are_made_in_one_place() -> None:
    [package] = event_bus.stores.__path__
    found = [each.name for each in Path(package).glob("*.py") if "document =" in each.read_text()]
    assert found == ["table.py"]


def test_the_entries_of_a_later_index_of_schemas_are_read() -> None:
    index = SchemaIndex('{"order.placed":[2,"warn",[1],"of a later version"]}')
    assert index.types() == {"order.placed": TypeInIndex(2, "warn", [1])}
