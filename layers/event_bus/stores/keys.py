"""The table of API keys, by their identifiers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus import times
from event_bus.model.api_keys import ApiKey, is_token
from event_bus.stores.items import (
    Item,
    batch_get,
    document,
    number,
    text,
    unexpired,
    unless_refused,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_EMPTY_RING_SECONDS = 86_400
"""How long the ring of a service without keys stays: longer than any request takes."""


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys of a service that are good now, stream tokens aside.

    Attributes:
        service_id: The service.
        keys: The keys, the oldest first.
        version: The version of the set of their ids; 0 where no set is stored yet.
    """

    service_id: str
    keys: tuple[ApiKey, ...]
    version: int

    def find(self, key_id: str | None) -> ApiKey | None:
        """The key of this id, or None."""
        return next((key for key in self.keys if key.id == key_id), None)


@dataclass(frozen=True, slots=True)
class KeyStore:
    """Finds, makes, ends and removes keys.

    The ids of each service's keys are a set in an item of its own, the service's ring. Every
    transaction that adds or removes a key writes the ring at the version that it has read. So the
    number of keys is exact, and no key escapes a transaction that removes all of them. The index
    by service alone may lag.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
    """

    client: "DynamoDBClient"
    table: str

    def find(self, key_id: str) -> ApiKey | None:
        """The key of this id that is good now, or None."""
        item = self._item(key_id)
        return _key(item) if item and _good(item) else None

    def ring(self, service_id: str) -> Ring:
        """The keys of a service, read consistently.

        The index is asked as well: it names keys that were made before there were rings.
        """
        stored = self._item(_ring_id(service_id)) or {}
        key_ids = orjson.loads(stored["key_ids"]["S"]) if stored else []
        named = dict.fromkeys([*key_ids, *self._indexed(service_id)])
        items = batch_get(
            self.client, self.table, [{"id": text(each)} for each in named], ConsistentRead=True
        )
        keys = (_key(item) for item in items if _good(item))
        own = [key for key in keys if key.service_id == service_id]
        own.sort(key=lambda key: (key.created_at, key.id))
        return Ring(service_id, tuple(own), int(stored["version"]["N"]) if stored else 0)

    def changing(
        self, ring: Ring, added: Sequence[ApiKey] = (), removed: Sequence[ApiKey] = ()
    ) -> list[Item]:
        """The parts of a transaction that add keys to a ring, and remove others.

        The first part is refused where the ring has changed since it was read, the next ones where
        a key that is added stands for another service. Keys that ended since leave the ring too.
        """
        gone = {key.id for key in removed}
        key_ids = [key.id for key in (*ring.keys, *added) if key.id not in gone]
        return [
            self._writing(ring, list(dict.fromkeys(key_ids))),
            *map(self.putting, added),
            *({"Delete": {"TableName": self.table, "Key": {"id": text(each)}}} for each in gone),
        ]

    def putting(self, key: ApiKey) -> Item:
        """The part of a transaction that adds a key, unless it stands for another service."""
        return {
            "Put": {
                "TableName": self.table,
                "Item": _item(key),
                "ConditionExpression": "attribute_not_exists(id) OR service_id = :service",
                "ExpressionAttributeValues": {":service": text(key.service_id)},
            }
        }

    def ending(self, key: ApiKey, at: int, replaced_by: str) -> Item:
        """The part of a transaction that has a key end, in Unix seconds, in favour of another."""
        return {
            "Update": {
                "TableName": self.table,
                "Key": {"id": text(key.id)},
                "UpdateExpression": "SET expires_at = :at, replaced_by = :other",
                "ConditionExpression": "attribute_exists(id)",
                "ExpressionAttributeValues": {":at": number(at), ":other": text(replaced_by)},
            }
        }

    def keeping(self, key_id: str) -> Item:
        """The part of a transaction that is refused where a key is gone."""
        return {
            "ConditionCheck": {
                "TableName": self.table,
                "Key": {"id": text(key_id)},
                "ConditionExpression": "attribute_exists(id)",
            }
        }

    def add_token(self, token: ApiKey) -> None:
        """Adds a stream token, which belongs to no ring: it ends within the hour."""
        self.client.put_item(**self.putting(token)["Put"])

    def saw(self, key_id: str, at: str) -> None:
        """Notes that a key was used, if it is still there."""
        with unless_refused():
            self.client.update_item(
                TableName=self.table,
                Key={"id": text(key_id)},
                UpdateExpression="SET last_used_at = :at",
                ConditionExpression="attribute_exists(id)",
                ExpressionAttributeValues={":at": text(at)},
            )

    def _item(self, key_id: str) -> Mapping[str, Any] | None:
        answer = self.client.get_item(
            TableName=self.table, Key={"id": text(key_id)}, ConsistentRead=True
        )
        return answer.get("Item")

    def _indexed(self, service_id: str) -> Iterable[str]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="by_service",
            KeyConditionExpression="service_id = :service",
            ExpressionAttributeValues={":service": text(service_id)},
        )
        return [
            key_id
            for page in pages
            for item in page["Items"]
            if not is_token(key_id := item["id"]["S"])
        ]

    def _writing(self, ring: Ring, key_ids: list[str]) -> Item:
        item: Item = {
            "id": text(_ring_id(ring.service_id)),
            "key_ids": document(key_ids),
            "version": number(ring.version + 1),
        }
        if not key_ids:
            # It stays a while, so that who has read the ring before cannot add to it.
            item["expires_at"] = number(int(times.unix()) + _EMPTY_RING_SECONDS)
        part: Item = {"TableName": self.table, "Item": item}
        if ring.version:
            part["ConditionExpression"] = "version = :read"
            part["ExpressionAttributeValues"] = {":read": number(ring.version)}
        else:
            part["ConditionExpression"] = "attribute_not_exists(id)"
        return {"Put": part}


_OWN = ("id", "service_id", "expires_at", "last_used_at", "replaced_by")
"""What stands beside the document: keys of the table, and what changes by itself."""


def _ring_id(service_id: str) -> str:
    # No key's id has a space.
    return f"ring of {service_id}"


def _good(item: Mapping[str, Any]) -> bool:
    # A ring is no key, and has no service that an index could list it under.
    return "service_id" in item and ("expires_at" not in item or unexpired(item))


def _key(item: Mapping[str, Any]) -> ApiKey:
    members = orjson.loads(item["document"]["S"])
    if members.get("scopes") is not None:
        members["scopes"] = tuple(members["scopes"])
    return ApiKey(
        **members,
        id=item["id"]["S"],
        service_id=item["service_id"]["S"],
        expires_at=int(item["expires_at"]["N"]) if "expires_at" in item else None,
        last_used_at=item["last_used_at"]["S"] if "last_used_at" in item else None,
        replaced_by=item["replaced_by"]["S"] if "replaced_by" in item else None,
    )


def _item(key: ApiKey) -> Item:
    members = asdict(key)
    item: Item = {
        "id": text(key.id),
        "service_id": text(key.service_id),
        "document": document({name: members[name] for name in members if name not in _OWN}),
    }
    if key.expires_at is not None:
        item["expires_at"] = number(key.expires_at)
    for name in ("last_used_at", "replaced_by"):
        if members[name] is not None:
            item[name] = text(members[name])
    return item
