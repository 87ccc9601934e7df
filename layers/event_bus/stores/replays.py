"""The table of replays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus import times
from event_bus.model.replay import Replay
from event_bus.stored import restored
from event_bus.stores.items import (
    Item,
    document,
    index_page,
    number,
    of_service_or_all,
    put_unless_refused,
    text,
    unexpired,
)
from event_bus.stores.refusals import Exists
from event_bus.stores.transactions import Part

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KIND = "replay"


@dataclass(frozen=True, slots=True)
class ReplayStore:
    """Finds, lists and changes replays.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
        retention_days: How many days a replay is kept after its last change.
    """

    client: "DynamoDBClient"
    table: str
    retention_days: int = 0

    def adding_part(self, replay: Replay) -> Part:
        """Returns the part that adds a replay."""
        put: Item = {
            "TableName": self.table,
            "Item": self._item(replay),
            "ConditionExpression": "attribute_not_exists(id)",
        }
        return Part({"Put": put}, Exists(replay.id))

    def add(self, replay: Replay) -> None:
        """Adds a replay. Its id is new, so a repeated request overwrites its own item."""
        self.client.put_item(TableName=self.table, Item=self._item(replay))

    def move(self, before: Replay, after: Replay) -> bool:
        """Replaces a replay, unless it has changed since it was read.

        Args:
            before: The replay as it was read.
            after: The replay as it is to be.

        Returns:
            Whether it was replaced. A repeated request also returns True.
        """
        return put_unless_refused(
            self.client,
            TableName=self.table,
            Item=self._item(after),
            ConditionExpression="document = :before",
            ExpressionAttributeValues={":before": document(before)},
        )

    def get(self, replay_id: str) -> Replay | None:
        """Returns the replay with this id, or None."""
        answer = self.client.get_item(
            TableName=self.table, Key={"id": text(replay_id)}, ConsistentRead=True
        )
        item = answer.get("Item")
        return _replay(item) if item and unexpired(item) else None

    def page(self, service_id: str | None, before: str | None, limit: int) -> list[Replay]:
        """Returns replays, newest first.

        Args:
            service_id: The service that asked for them; None for those of all services.
            before: The id before which the page begins; None for the newest.
            limit: The largest number of replays.
        """
        index, partition = of_service_or_all(service_id, _KIND)
        behind = ("id", before or "~")
        items = index_page(
            self.client, self.table, index, partition, behind, limit, descending=True
        )
        return [_replay(item) for item in items]

    def standing_still(self, since: str, limit: int) -> list[str]:
        """Returns the ids of running replays that have not changed since a time (RFC 3339)."""
        answer = self.client.query(
            TableName=self.table,
            IndexName="by_running",
            KeyConditionExpression="running = :yes AND moved_at < :since",
            ExpressionAttributeValues={":yes": text("yes"), ":since": text(since)},
            Limit=limit,
        )
        return [item["id"]["S"] for item in answer["Items"]]

    def running(self, limit: int) -> list[Replay]:
        """Returns running replays, the one that has not changed for the longest time first."""
        found = [self.get(each) for each in self.standing_still("~", limit)]
        return [replay for replay in found if replay]

    def _item(self, replay: Replay) -> Item:
        return {
            "id": text(replay.id),
            "kind": text(_KIND),
            "service_id": text(replay.service_id),
            "document": document(replay),
            "expires_at": number(times.expiry(self.retention_days)),
            **(
                {"running": text("yes"), "moved_at": text(replay.updated_at)}
                if replay.state == "running"
                else {}
            ),
        }


def _replay(item: Mapping[str, Any]) -> Replay:
    return restored(Replay, orjson.loads(item["document"]["S"]))
