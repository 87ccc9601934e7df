"""Records of table streams are read as what was written."""

from typing import Any

from event_bus.model.delivery import DeliveryKey
from event_bus.stores.delivery_changes import DeliveryChange, RoutingChange, change_in
from event_bus.stores.delivery_items import COMMAND, item_key
from event_bus.stores.event_items import event_ids_in
from event_bus.stores.inboxes import last_positions_in

from tests.aws import Aws
from tests.builders import delivery, routing


def record(
    keys: dict[str, Any], new: dict[str, Any] | None = None, old: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A record of a table stream, as Lambda passes it."""
    images = {"NewImage": new, "OldImage": old}
    made = {name: image for name, image in images.items() if image is not None}
    return {"dynamodb": {"ApproximateCreationDateTime": 1_777_636_800, "Keys": keys, **made}}


def items(aws: Aws) -> list[dict[str, Any]]:
    """The items of the deliveries table."""
    found: list[dict[str, Any]] = aws.dynamodb.scan(TableName=aws.tables["deliveries"])["Items"]
    return found


def test_a_change_of_a_delivery_holds_it_as_it_was_and_as_it_is(aws: Aws) -> None:
    first, second = delivery("retrying"), delivery(attempts=2)
    aws.deliveries.record(first, 1)
    [before] = items(aws)
    aws.deliveries.record(second, 2)
    [after] = items(aws)
    keys = item_key(first.key)
    assert change_in(record(keys, before)) == DeliveryChange(1_777_636_800.0, None, first)
    assert change_in(record(keys, after, before)) == DeliveryChange(1_777_636_800.0, first, second)


def test_a_change_of_a_routing_record_holds_it_as_it_was_and_as_it_is(aws: Aws) -> None:
    first, second = routing("evt_1", sub_1="worker"), routing("evt_1", sub_2="other")
    aws.routings.record([first])
    [before] = items(aws)
    aws.routings.record([second])
    [after] = items(aws)
    keys = {name: after[name] for name in ("event_id", "subscription_id")}
    both = routing("evt_1", sub_1="worker", sub_2="other")
    assert change_in(record(keys, before)) == RoutingChange(1_777_636_800.0, None, first)
    assert change_in(record(keys, after, before)) == RoutingChange(1_777_636_800.0, first, both)


def test_deletions_and_commands_change_no_delivery(aws: Aws) -> None:
    aws.deliveries.record(delivery(), 1)
    [deleted] = items(aws)
    assert change_in(record(item_key(delivery().key), None, deleted)) is None
    keys = item_key(DeliveryKey("evt_1", COMMAND))
    assert change_in(record(keys, {**keys, "ended": {"S": "succeeded"}})) is None


def test_the_last_position_of_each_inbox_counts() -> None:
    filled = [("sub_1", 3), ("sub_2", 1), ("sub_1", 4), ("sub_1", 2), ("sub_3", 7)]
    records = [
        record({"subscription_id": {"S": name}, "position": {"N": str(position)}})
        for name, position in filled
    ]
    assert last_positions_in(records) == {"sub_1": 4, "sub_2": 1, "sub_3": 7}
    assert last_positions_in([]) == {}


def test_records_of_events_name_them_even_where_events_were_deleted() -> None:
    records = [record({"id": {"S": name}}) for name in ("evt_2", "evt_1")]
    assert event_ids_in(records) == ["evt_2", "evt_1"]
