"""The table of what became of each event: whom it was routed to, and each delivery's record.

One item is one delivery from its first attempt to its end, as a dead letter too: so it is always
in exactly one state, and one conditional write moves it on.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from event_bus import times
from event_bus.batches import blames_content, by_halves
from event_bus.ids import new_id
from event_bus.log import logger
from event_bus.model.delivery import (
    ON_LANE_SECONDS,
    Attempt,
    Delivery,
    DeliveryError,
    DeliveryKey,
    DeliveryStatus,
    Routing,
)
from event_bus.stored import restored
from event_bus.stores.items import (
    Item,
    batch_get,
    chunks,
    condition_failed,
    document,
    number,
    text,
    unless_refused,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS = 4
"""How many partitions the lists of due deliveries and of dead letters are spread over."""

ROUTING = "#routing"
"""What stands in a routing record where a delivery has its subscription."""
_BATCH_WRITE_LIMIT = 25

_UNSETTLED = "(attribute_not_exists(#status) OR #status IN (:pending, :retrying))"


@dataclass(frozen=True, slots=True)
class Claim:
    """What came of a claim.

    Attributes:
        epoch: The number of the claim; None where another one stands.
        delivery: The delivery as it stands.
        lease_until: Until when the standing claim holds, in Unix seconds.
    """

    epoch: int | None
    delivery: Delivery
    lease_until: float


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that waits in the table.

    Attributes:
        key: Which delivery.
        service_id: The service that the subscription belongs to.
        due_at: When it is to be tried again, RFC 3339.
        attempts: How many attempts were made.
        round_start: How many of them were made before a person had it tried anew.
        protocol: The lane that it is on.
    """

    key: DeliveryKey
    service_id: str
    due_at: str
    attempts: int
    round_start: int
    protocol: str


@dataclass(frozen=True, slots=True)
class DeadLetterEntry:
    """What the index tells of a dead letter.

    Attributes:
        id: Its id as a dead letter.
        key: The delivery that it is.
    """

    id: str
    key: DeliveryKey


@dataclass(frozen=True, slots=True)
class DeliveryStore:
    """Keeps routing records and deliveries, both beside each other under the event's id.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
        retention_days: How long both are kept.
    """

    client: "DynamoDBClient"
    table: str
    retention_days: int = 0

    def record_routings(self, routings: Sequence[Routing]) -> list[str]:
        """Records whom events were routed to; overwrites existing routing records.

        Returns:
            The ids of the events whose record DynamoDB refuses, such as one beyond 400 KB; all
            others are recorded.

        Raises:
            TimeoutError: The table left records unwritten, again and again.
        """
        expires_at = number(times.expiry(self.retention_days))
        # A batch must not name a key twice; of two records of an event the later one counts.
        latest = {routing.event_id: routing for routing in routings}
        refused: list[str] = []
        for chunk in chunks(list(latest.values()), _BATCH_WRITE_LIMIT):
            requests = [_putting(routing, expires_at) for routing in chunk]
            refusals = by_halves(requests, self._write, _refused)
            refused += [
                routing.event_id
                for routing, is_refused in zip(chunk, refusals, strict=True)
                if is_refused
            ]
        return refused

    def _write(self, requests: Sequence[Item]) -> list[bool]:
        wanted: Any = {self.table: list(requests)}
        for _ in range(8):
            wanted = self.client.batch_write_item(RequestItems=wanted)["UnprocessedItems"]
            if not wanted:
                return [False] * len(requests)
        raise TimeoutError(f"{self.table} did not write all records")

    def record(self, delivery: Delivery, asked: int, epoch: int | None = None) -> Delivery | None:
        """Records how far a delivery has come.

        No outcome undoes a success, and none of an earlier attempt, or of a claim that was taken
        over, counts against a later one.

        Args:
            delivery: The delivery as it stands now.
            asked: The number of the attempt that was asked for.
            epoch: The number of the claim that it was made under, if it needed one.

        Returns:
            None where the record stands as it was given; else the record that stands in its way.
        """
        update, values = _changes(delivery, times.expiry(self.retention_days))
        condition, compared = _condition(delivery, asked, epoch)
        try:
            self.client.update_item(
                TableName=self.table,
                Key=_key(delivery.key),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=values | compared,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            # A write whose answer was lost, and which was repeated, meets itself: whoever reads
            # what stands finds its own message there, and goes on.
            return _delivery(error.response["Item"])  # type: ignore[typeddict-item]
        return None

    def claim(self, delivery: Delivery, token: str, lease_seconds: float, *, once: bool) -> Claim:
        """Claims a delivery for one attempt.

        Args:
            delivery: The delivery; its record is begun where there is none.
            token: What tells this claim from any other.
            lease_seconds: How long the claim holds.
            once: Whether no other claim may follow, even when this one has lapsed.
        """
        now = int(times.unix())
        values = {
            ":token": text(token),
            ":until": number(int(now + lease_seconds)),
            ":one": number(1),
            ":zero": number(0),
            ":service": text(delivery.service_id),
            ":type": text(delivery.event_type),
            ":protocol": text(delivery.protocol),
            ":pending": text("pending"),
            ":retrying": text("retrying"),
            ":stamp": text(times.now()),
            ":expiry": number(times.expiry(self.retention_days)),
        }
        free = "attribute_not_exists(epoch)"
        if not once:
            free += " OR attribute_not_exists(lease_until) OR lease_until <= :now"
            values[":now"] = number(now)
        try:
            answer = self.client.update_item(
                TableName=self.table,
                Key=_key(delivery.key),
                UpdateExpression="SET claimed_by = :token, lease_until = :until, "
                "epoch = if_not_exists(epoch, :zero) + :one, "
                "service_id = :service, event_type = :type, protocol = :protocol, "
                "#status = if_not_exists(#status, :pending), "
                "created_at = if_not_exists(created_at, :stamp), updated_at = :stamp, "
                "expires_at = :expiry",
                # A claim whose answer was lost, and which is repeated, meets itself.
                ConditionExpression=f"{_UNSETTLED} AND ({free} OR claimed_by = :token)",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            stands: Mapping[str, Any] = error.response["Item"]  # type: ignore[typeddict-item]
            return Claim(None, _delivery(stands), _lease(stands))
        item = answer["Attributes"]
        return Claim(int(item["epoch"]["N"]), _delivery(item), _lease(item))

    def get(self, key: DeliveryKey) -> Delivery | None:
        """A delivery's record, if there is one."""
        answer = self.client.get_item(TableName=self.table, Key=_key(key), ConsistentRead=True)
        return _delivery(answer["Item"]) if "Item" in answer else None

    def of_event(self, event_id: str) -> tuple[Routing | None, list[Delivery]]:
        """Whom an event was routed to, if it was, and its deliveries so far."""
        routing: Routing | None = None
        deliveries: list[Delivery] = []
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="event_id = :event",
            ExpressionAttributeValues={":event": text(event_id)},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                if item["subscription_id"]["S"] == ROUTING:
                    routing = _routing(item)
                else:
                    deliveries.append(_delivery(item))
        return routing, deliveries

    def routings(self, event_ids: Iterable[str], *, consistent: bool = False) -> dict[str, Routing]:
        """The routing records of those of these events that were routed, by event.

        Args:
            event_ids: The events, each once.
            consistent: Whether those must be among them that were written a moment ago, at twice
                the cost.
        """
        keys: list[Item] = [
            {"event_id": text(event_id), "subscription_id": text(ROUTING)} for event_id in event_ids
        ]
        found = batch_get(self.client, self.table, keys, ConsistentRead=consistent)
        return {routing.event_id: routing for routing in map(_routing, found)}

    def due(self, shard: int, until: str, limit: int) -> list[Due]:
        """The deliveries of a shard that are due at some time, the longest due first.

        Args:
            shard: The shard.
            until: The time, RFC 3339.
            limit: How many at most.
        """
        answer = self.client.query(
            TableName=self.table,
            IndexName="by_due",
            KeyConditionExpression="due_shard = :shard AND due_at <= :until",
            ExpressionAttributeValues={":shard": text(str(shard)), ":until": text(until)},
            Limit=limit,
        )
        return [
            Due(
                key=_key_in(item),
                service_id=item["service_id"]["S"],
                due_at=item["due_at"]["S"],
                attempts=int(item["attempts"]["N"]),
                round_start=int(item["round_start"]["N"]),
                protocol=item["protocol"]["S"],
            )
            for item in answer["Items"]
        ]

    def put_off(self, due: Due, until: str, *, waits: bool) -> bool:
        """Has a delivery that is due come due again later, unless it has moved on meanwhile.

        Args:
            due: The delivery.
            until: When, RFC 3339.
            waits: Whether it is not tried before; else it is on its lane, and due in case it is
                lost there.

        Returns:
            Whether it had not; a repeated request finds itself done.
        """
        shown = ", next_retry_at = :until" if waits else ""
        with unless_refused():
            self.client.update_item(
                TableName=self.table,
                Key=_key(due.key),
                UpdateExpression=f"SET due_at = :until{shown}",
                ConditionExpression="attribute_exists(due_shard) AND due_at IN (:due, :until)",
                ExpressionAttributeValues={":until": text(until), ":due": text(due.due_at)},
            )
            return True
        return False

    def reopen(self, reopened: Delivery) -> Delivery | None:
        """Records that a dead letter is tried anew, with all the attempts of its policy.

        It must be exhausted, or wait in the table: then no message is on its way, and whoever
        reopens it sends the only one.

        Args:
            reopened: The delivery as it was read, and then reopened.

        Returns:
            The delivery as it stands now; None where it has moved on since it was read, or is on
            its lane.
        """
        next_retry_at = reopened.next_retry_at or reopened.updated_at
        return self._moved_by_hand(
            reopened.key,
            {
                "UpdateExpression": "SET #status = :status, round_start = attempts, "
                "due_shard = :shard, due_at = :due, next_retry_at = :retry, updated_at = :now, "
                "expires_at = :expiry, written_by = :writer",
                "ConditionExpression": "attempts = :attempts AND "
                "(#status = :exhausted OR #status = :retrying AND due_at = next_retry_at)",
            },
            {
                ":status": text(reopened.status),
                ":retrying": text("retrying"),
                ":exhausted": text("exhausted"),
                ":attempts": number(reopened.round_start),
                ":shard": text(_shard(reopened.key.event_id)),
                ":due": text(_due_at(next_retry_at, waiting=reopened.waiting)),
                ":retry": text(next_retry_at),
                ":now": text(reopened.updated_at),
                ":expiry": number(times.expiry(self.retention_days)),
            },
        )

    def discard(self, discarded: Delivery) -> bool:
        """Records that a dead letter has ended, with the error that says by whom.

        Args:
            discarded: The delivery as it was read, and then discarded.

        Returns:
            Whether this ended it; False where it had ended already, or was delivered.
        """
        error = discarded.last_error
        ended = self._moved_by_hand(
            discarded.key,
            {
                "UpdateExpression": "SET #status = :status, last_error = :error, "
                "error_code = :code, updated_at = :now, written_by = :writer "
                "REMOVE due_shard, due_at, next_retry_at",
                "ConditionExpression": "#status IN (:pending, :retrying, :exhausted)",
            },
            {
                ":status": text(discarded.status),
                ":pending": text("pending"),
                ":retrying": text("retrying"),
                ":exhausted": text("exhausted"),
                ":error": document(error and asdict(error)),
                ":code": text(error.code if error else ""),
                ":now": text(discarded.updated_at),
            },
        )
        return ended is not None

    def _moved_by_hand(
        self, key: DeliveryKey, expressions: Any, values: dict[str, Any]
    ) -> Delivery | None:
        """Moves a delivery on for a person, by one conditional write; of several one succeeds."""
        writer = text(new_id("req"))
        try:
            answer = self.client.update_item(
                TableName=self.table,
                Key=_key(key),
                **expressions,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={**values, ":writer": writer},
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            # A write whose answer was lost, and which was repeated, meets itself.
            stands: Mapping[str, Any] = error.response.get("Item", {})  # type: ignore[assignment]
            return _delivery(stands) if stands.get("written_by") == writer else None
        return _delivery(answer["Attributes"])

    def dead_letters(
        self, service_id: str | None, between: tuple[str, str], limit: int
    ) -> list[DeadLetterEntry]:
        """Dead letters, the newest first.

        Args:
            service_id: The service whose they are; None for those of all.
            between: The first and the last id, both included.
            limit: How many at most.
        """
        found: dict[str, DeadLetterEntry] = {}
        for shard in range(SHARDS):
            index, name, partition = (
                ("by_dead_service", "dead_service_shard", f"{service_id}#{shard}")
                if service_id
                else ("by_dead", "dead_shard", str(shard))
            )
            answer = self.client.query(
                TableName=self.table,
                IndexName=index,
                KeyConditionExpression=f"{name} = :partition "
                "AND dead_letter_id BETWEEN :first AND :last",
                ExpressionAttributeValues={
                    ":partition": text(partition),
                    ":first": text(between[0]),
                    ":last": text(between[1]),
                },
                ScanIndexForward=False,
                Limit=limit,
            )
            for item in answer["Items"]:
                entry = DeadLetterEntry(item["dead_letter_id"]["S"], _key_in(item))
                found[entry.id] = entry
        return [found[each] for each in sorted(found, reverse=True)][:limit]

    def dead_letter(self, dead_letter_id: str) -> Delivery | None:
        """The delivery that has this id as a dead letter, if one has."""
        answer = self.client.query(
            TableName=self.table,
            IndexName="by_dead",
            KeyConditionExpression="dead_shard = :shard AND dead_letter_id = :id",
            ExpressionAttributeValues={
                ":shard": text(_shard(dead_letter_id)),
                ":id": text(dead_letter_id),
            },
        )
        return self.get(_key_in(answer["Items"][0])) if answer["Items"] else None

    def get_many(self, keys: Sequence[DeliveryKey]) -> dict[DeliveryKey, Delivery]:
        """Those of these deliveries that are recorded."""
        items = batch_get(self.client, self.table, [_key(key) for key in keys], ConsistentRead=True)
        found = map(_delivery, items)
        return {delivery.key: delivery for delivery in found}


def _changes(delivery: Delivery, expires_at: int) -> tuple[str, Item]:
    """The update expression that records a delivery, and its values."""
    values: dict[str, Any] = {
        ":service": text(delivery.service_id),
        ":type": text(delivery.event_type),
        ":status": text(delivery.status),
        ":attempts": number(delivery.attempts),
        ":round": number(delivery.round_start),
        ":log": document([asdict(attempt) for attempt in delivery.log]),
        ":writer": text(delivery.written_by),
        ":protocol": text(delivery.protocol),
        ":created": text(delivery.created_at),
        ":now": text(delivery.updated_at),
        ":expiry": number(expires_at),
    }
    sets = [
        "service_id = :service",
        "event_type = :type",
        "#status = :status",
        "attempts = :attempts",
        "round_start = :round",
        "attempt_log = :log",
        "written_by = :writer",
        "protocol = :protocol",
        "created_at = if_not_exists(created_at, :created)",
        "updated_at = :now",
        "expires_at = :expiry",
    ]
    removes = ["lease_until"]
    optional: dict[str, Any] = {
        "last_error": delivery.last_error and document(asdict(delivery.last_error)),
        "error_code": delivery.last_error and text(delivery.last_error.code),
        "delivered_at": delivery.delivered_at and text(delivery.delivered_at),
        "next_retry_at": delivery.next_retry_at and text(delivery.next_retry_at),
        "due_shard": delivery.next_retry_at and text(_shard(delivery.key.event_id)),
        "due_at": delivery.next_retry_at
        and text(_due_at(delivery.next_retry_at, waiting=delivery.waiting)),
    }
    for name, value in optional.items():
        if value is None:
            removes.append(name)
        else:
            sets.append(f"{name} = :{name}")
            values[f":{name}"] = value
    if delivery.stored_at:
        sets.append("stored_at = :stored")
        values[":stored"] = text(delivery.stored_at)
    if delivery.dead_letter_id:
        shard = _shard(delivery.dead_letter_id)
        for name, word in (
            ("dead_letter_id", delivery.dead_letter_id),
            ("dead_shard", shard),
            ("dead_service_shard", f"{delivery.service_id}#{shard}"),
        ):
            sets.append(f"{name} = if_not_exists({name}, :{name})")
            values[f":{name}"] = text(word)
    return f"SET {', '.join(sets)} REMOVE {', '.join(removes)}", values


def _condition(delivery: Delivery, asked: int, epoch: int | None) -> tuple[str, Item]:
    """The condition of `DeliveryStore.record`, and the values that it compares with."""
    if delivery.status == "delivered":
        return "attribute_not_exists(#status) OR #status <> :status", {}
    values: Item = {
        ":pending": text("pending"),
        ":retrying": text("retrying"),
        ":asked": number(asked),
    }
    condition = f"{_UNSETTLED} AND (attribute_not_exists(attempts) OR attempts < :asked)"
    if epoch is not None:
        values[":epoch"] = number(epoch)
        condition += " AND epoch = :epoch"
    return condition, values


def _shard(word: str) -> str:
    return str(zlib.crc32(word.encode()) % SHARDS)


def _due_at(next_retry_at: str, *, waiting: bool) -> str:
    if waiting:
        return next_retry_at
    # What is on its lane is due, too, in case it is lost there.
    return times.at(times.seconds(next_retry_at) + ON_LANE_SECONDS)


def _key(key: DeliveryKey) -> Item:
    sort = (
        key.subscription_id if key.replay_id is None else f"{key.subscription_id}#{key.replay_id}"
    )
    return {"event_id": text(key.event_id), "subscription_id": text(sort)}


def _key_in(item: Mapping[str, Any]) -> DeliveryKey:
    subscription_id, _, replay_id = item["subscription_id"]["S"].partition("#")
    return DeliveryKey(item["event_id"]["S"], subscription_id, replay_id or None)


def _lease(item: Mapping[str, Any]) -> float:
    return float(item.get("lease_until", {"N": "0"})["N"])


def _putting(routing: Routing, expires_at: Any) -> Item:
    return {
        "PutRequest": {
            "Item": {
                "event_id": text(routing.event_id),
                "subscription_id": text(ROUTING),
                "matched": document(routing.matched),
                "routed_at": text(routing.routed_at),
                "event_type": text(routing.event_type),
                "source": text(routing.source),
                "expires_at": expires_at,
                **({"limited": {"BOOL": True}} if routing.limited else {}),
            }
        }
    }


def _refused(error: ClientError | BotoCoreError) -> bool:
    if not blames_content(error):
        raise error
    logger.error("routing record refused", error=str(error))
    return True


def _routing(item: Mapping[str, Any]) -> Routing:
    return Routing(
        event_id=item["event_id"]["S"],
        matched=orjson.loads(item["matched"]["S"]),
        routed_at=item["routed_at"]["S"],
        event_type=item.get("event_type", {}).get("S", ""),
        source=item.get("source", {}).get("S", ""),
        limited="limited" in item,
    )


def _delivery(item: Mapping[str, Any]) -> Delivery:
    error, log = item.get("last_error"), item.get("attempt_log", {"S": "[]"})["S"]
    status: DeliveryStatus = item["status"]["S"]

    def word(name: str) -> str | None:
        return item[name]["S"] if name in item else None

    return Delivery(
        key=_key_in(item),
        # A claim alone does not know these; nobody is shown it before its outcome.
        service_id=word("service_id") or "",
        event_type=word("event_type") or "",
        status=status,
        attempts=int(item.get("attempts", {"N": "0"})["N"]),
        round_start=int(item.get("round_start", {"N": "0"})["N"]),
        last_error=restored(DeliveryError, orjson.loads(error["S"])) if error else None,
        next_retry_at=word("next_retry_at"),
        waiting="due_at" in item and item["due_at"] == item["next_retry_at"],
        dead_letter_id=word("dead_letter_id"),
        log=tuple(restored(Attempt, each) for each in orjson.loads(log)),
        delivered_at=word("delivered_at"),
        stored_at=word("stored_at") or "",
        created_at=item["created_at"]["S"],
        updated_at=item["updated_at"]["S"],
        written_by=word("written_by") or "",
        protocol=word("protocol") or "http",
    )
