"""The table of replays."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from event_bus import times
from event_bus.model.replay import Replay
from event_bus.stored import restored
from event_bus.stores.items import (
    ConditionFailed,
    Item,
    document,
    number,
    of_service_or_all,
    text,
    unexpired,
)
from event_bus.stores.refusals import IdTaken
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part

_KIND = "replay"


@dataclass(frozen=True, slots=True)
class DueStep:
    """The next step of a running replay.

    Attributes:
        replay_id: The replay.
        due_at: When the step is due, RFC 3339.
    """

    replay_id: str
    due_at: str


@dataclass(frozen=True, slots=True)
class ReplayStore:
    """Finds, lists and changes replays.

    Attributes:
        table: The table.
        retention_days: How many days a replay is kept after its last change.
    """

    table: Table
    retention_days: int = 0

    def adding_part(self, replay: Replay) -> Part:
        """Returns the part that adds a replay."""
        return self.table.put_part(
            self._item(replay),
            IdTaken(replay.id),
            ConditionExpression="attribute_not_exists(id)",
        )

    def add(self, replay: Replay) -> None:
        """Adds a replay. Its id is new, so only a repeated request finds it, perhaps moved on."""
        with suppress(ConditionFailed):
            self.table.put(
                self._item(replay),
                ConditionExpression="attribute_not_exists(id)",
            )

    def move(self, before: Replay, after: Replay, wait: float = 0) -> bool:
        """Replaces a replay, unless it has changed since it was read.

        Args:
            before: The replay as it was read.
            after: The replay as it is to be.
            wait: How long after this change its next step is due, in seconds.

        Returns:
            Whether it was replaced. A repeated request also returns True.
        """
        key = {"id": text(before.id)}
        return self.table.put_unless_refused(
            self._item(after, wait),
            **self.table.if_unchanged(key, before, _replay),
        )

    def get(self, replay_id: str) -> Replay | None:
        """Returns the replay with this id, or None."""
        item = self.table.get({"id": text(replay_id)}, ConsistentRead=True)
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
        items = self.table.index_page(index, partition, behind, limit, descending=True)
        return [_replay(item) for item in items]

    def due(self, before: str, limit: int) -> list[DueStep]:
        """Returns running replays whose next step was due before a time (RFC 3339), in order."""
        items = self.table.query(
            limit,
            IndexName="by_running",
            KeyConditionExpression="running = :yes AND moved_at < :before",
            ExpressionAttributeValues={":yes": text("yes"), ":before": text(before)},
        )
        return [DueStep(item["id"]["S"], item["moved_at"]["S"]) for item in items]

    def postpone(self, step: DueStep, until: str) -> None:
        """Lets a step be due at a time (RFC 3339), unless the replay has continued."""
        with suppress(ConditionFailed):
            self.table.update(
                {"id": text(step.replay_id)},
                UpdateExpression="SET moved_at = :until",
                ConditionExpression="moved_at = :due",
                ExpressionAttributeValues={":until": text(until), ":due": text(step.due_at)},
            )

    def running(self, limit: int) -> list[Replay]:
        """Returns running replays, in the order in which their next steps are due."""
        found = [self.get(each.replay_id) for each in self.due("~", limit)]
        return [replay for replay in found if replay]

    def _item(self, replay: Replay, wait: float = 0) -> Item:
        due_at = times.at(times.seconds(replay.updated_at) + wait)
        return {
            "id": text(replay.id),
            "kind": text(_KIND),
            "service_id": text(replay.service_id),
            "document": document(replay),
            "expires_at": number(times.expiry(self.retention_days)),
            **(
                {"running": text("yes"), "moved_at": text(due_at)}
                if replay.state == "running"
                else {}
            ),
        }


def _replay(item: Mapping[str, Any]) -> Replay:
    return restored(Replay, orjson.loads(item["document"]["S"]))
