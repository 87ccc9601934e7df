"""The table of API keys.

The ids of each service's keys are a set in an item of its own, the service's key ring. Every
transaction that adds or removes a key writes the ring at the version that was read. So the number
of keys is exact, and no key escapes a transaction that removes all of them. The index by service is
not enough, because it may lag.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus import times
from event_bus.model.api_keys import ApiKey, is_token
from event_bus.stores.items import ConditionFailed, Item, document, number, text, unexpired
from event_bus.stores.refusals import KeyGone, KeyTaken, Outdated
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part, put_alone, transact

if TYPE_CHECKING:
    from event_bus.stores.table import Condition

_EMPTY_RING_SECONDS = 86_400
"""How long the ring of a service without keys is kept: longer than any request takes."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The valid keys of a service, without its stream tokens.

    Attributes:
        service_id: The service.
        keys: The keys, oldest first.
        version: The version of the ring's item; 0 if none is stored yet.
    """

    service_id: str
    keys: tuple[ApiKey, ...]
    version: int

    def find(self, key_id: str | None) -> ApiKey | None:
        """Returns the key with this id, or None."""
        return next((key for key in self.keys if key.id == key_id), None)


@dataclass(frozen=True, slots=True)
class KeyEnding:
    """The end of a key that another one replaces.

    Attributes:
        key_id: The key.
        at: When it ends, in Unix seconds.
        replaced_by: The id of the key that replaces it.
    """

    key_id: str
    at: int
    replaced_by: str


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A change of a service's keys.

    Attributes:
        ring: The keys as they were read.
        added: The keys that the service gets.
        removed: The keys that it loses.
        ending: The key that ends later, if one does.
    """

    ring: KeyRing
    added: tuple[ApiKey, ...] = ()
    removed: tuple[ApiKey, ...] = ()
    ending: KeyEnding | None = None


@dataclass(frozen=True, slots=True)
class KeptKey:
    """The demand that a key still exists when a change takes effect.

    Attributes:
        key_id: The key.
    """

    key_id: str


@dataclass(frozen=True, slots=True)
class KeyStore:
    """Finds and changes keys.

    Attributes:
        table: The table.
    """

    table: Table

    def find(self, key_id: str) -> ApiKey | None:
        """Returns the valid key with this id, or None."""
        item = self._item(key_id)
        return _key(item) if item and _valid(item) else None

    def ring(self, service_id: str) -> KeyRing:
        """Reads the keys of a service consistently.

        The index adds the keys that earlier releases made before there were rings.
        """
        stored = self._item(_ring_id(service_id)) or {}
        key_ids = orjson.loads(stored["key_ids"]["S"]) if stored else []
        named = dict.fromkeys([*key_ids, *self._indexed(service_id)])
        items = self.table.batch_get([{"id": text(each)} for each in named], ConsistentRead=True)
        keys = (_key(item) for item in items if _valid(item))
        own = [key for key in keys if key.service_id == service_id]
        own.sort(key=lambda key: (key.created_at, key.id))
        return KeyRing(service_id, tuple(own), int(stored["version"]["N"]) if stored else 0)

    def ending(self, after: int, until: int) -> Iterator[ApiKey]:
        """Yields the keys and stream tokens that end within a period.

        Args:
            after: Its beginning, excluded, in Unix seconds.
            until: Its end, included.
        """
        # A filter of DynamoDB would read, and charge, as much. A consistent read costs twice as
        # much, and adds only keys of the last second, whose owners have just chosen their ends.
        items = self.table.scan_all()
        keys = (_key(item) for item in items if _valid(item))
        return (key for key in keys if key.expires_at and after < key.expires_at <= until)

    def change(self, change: KeyChange) -> None:
        """Changes the keys of a service.

        Raises:
            Outdated: The ring has changed since it was read.
            KeyTaken: A key that is added belongs to another service.
            KeyGone: The key that ends later was removed.
        """
        transact(self.parts(change))

    def parts(self, change: KeyChange | KeptKey) -> list[Part]:
        """Returns the parts of a transaction that change keys, or demand one; see `change`."""
        if isinstance(change, KeptKey):
            return [self._kept_part(change.key_id)]
        gone = {key.id for key in change.removed}
        # Keys that have ended since leave the ring as well.
        key_ids = [key.id for key in (*change.ring.keys, *change.added) if key.id not in gone]
        return [
            self._ring_part(change.ring, list(dict.fromkeys(key_ids))),
            *map(self.adding_part, change.added),
            *(self.table.delete_part({"id": text(each)}) for each in gone),
            *([self._ending_part(change.ending)] if change.ending else []),
        ]

    def adding_part(self, key: ApiKey) -> Part:
        """Returns the part that adds a key, unless it belongs to another service."""
        return self.table.put_part(
            _item_of(key),
            KeyTaken(key.id),
            ConditionExpression="attribute_not_exists(id) OR service_id = :service",
            ExpressionAttributeValues={":service": text(key.service_id)},
        )

    def add_token(self, token: ApiKey) -> None:
        """Adds a stream token. It is in no ring, because it ends within the hour."""
        put_alone(self.adding_part(token))

    def saw(self, key_id: str, at: str) -> None:
        """Records when a key was last used, RFC 3339, if it still exists."""
        with suppress(ConditionFailed):
            self.table.update(
                {"id": text(key_id)},
                UpdateExpression="SET last_used_at = :at",
                ConditionExpression="attribute_exists(id)",
                ExpressionAttributeValues={":at": text(at)},
            )

    def _item(self, key_id: str) -> Item | None:
        return self.table.get({"id": text(key_id)}, ConsistentRead=True)

    def _indexed(self, service_id: str) -> Iterable[str]:
        items = self.table.query_all(
            IndexName="by_service",
            KeyConditionExpression="service_id = :service",
            ExpressionAttributeValues={":service": text(service_id)},
        )
        return [key_id for item in items if not is_token(key_id := item["id"]["S"])]

    def _kept_part(self, key_id: str) -> Part:
        return self.table.check_part(
            {"id": text(key_id)}, KeyGone(key_id), ConditionExpression="attribute_exists(id)"
        )

    def _ending_part(self, ending: KeyEnding) -> Part:
        return self.table.update_part(
            {"id": text(ending.key_id)},
            KeyGone(ending.key_id),
            UpdateExpression="SET expires_at = :at, replaced_by = :other",
            ConditionExpression="attribute_exists(id)",
            ExpressionAttributeValues={
                ":at": number(ending.at),
                ":other": text(ending.replaced_by),
            },
        )

    def _ring_part(self, ring: KeyRing, key_ids: list[str]) -> Part:
        item: Item = {
            "id": text(_ring_id(ring.service_id)),
            "key_ids": document(key_ids),
            "version": number(ring.version + 1),
        }
        if not key_ids:
            # It stays for a day, so that a request that read the ring before cannot add to it.
            item["expires_at"] = number(int(times.unix()) + _EMPTY_RING_SECONDS)
        condition: Condition = {"ConditionExpression": "attribute_not_exists(id)"}
        if ring.version:
            condition = {
                "ConditionExpression": "version = :read",
                "ExpressionAttributeValues": {":read": number(ring.version)},
            }
        outdated = Outdated(f"the keys of {ring.service_id}")
        return self.table.put_part(item, outdated, **condition)


_BESIDE = ("id", "service_id", "expires_at", "last_used_at", "replaced_by")
"""The members that are attributes of their own: keys of the table, and what updates change."""


def _ring_id(service_id: str) -> str:
    # No key's id has a space.
    return f"ring of {service_id}"


def _valid(item: Mapping[str, Any]) -> bool:
    # A ring is not a key. It has no service id, so the index does not list it.
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


def _item_of(key: ApiKey) -> Item:
    members = asdict(key)
    item: Item = {
        "id": text(key.id),
        "service_id": text(key.service_id),
        "document": document({name: members[name] for name in members if name not in _BESIDE}),
    }
    if key.expires_at is not None:
        item["expires_at"] = number(key.expires_at)
    for name in ("last_used_at", "replaced_by"):
        if members[name] is not None:
            item[name] = text(members[name])
    return item
