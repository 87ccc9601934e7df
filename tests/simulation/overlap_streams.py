"""Overlapping operations of event streams as a whole: truncate, delete, read, list and follow.

Each operation notes what was answered before it began, and checks its own answer by that. What
others do meanwhile may be in the answer or not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulation.clients import ADMIN
from tests.simulation.known import DELETED, Subscriber, Violation
from tests.simulation.overlapping_world import OverlappingWorld, refuses_each
from tests.simulation.streaming import events_of

STREAM_KINDS = (
    *("truncate", "truncate", "delete_stream", "read_stream", "read_stream"),
    *("read_head", "list_streams", "follow", "follow_inbox"),
)
"""The kinds of operations of event streams."""

STREAM_CONTESTS = (
    ("append", "delete_stream", "append"),
    ("append", "delete_stream", "read_stream"),
    ("append", "truncate", "read_stream"),
    ("publish", "delete_stream", "work"),
    ("delete_stream", "delete_stream", "truncate"),
    ("truncate", "truncate", "read_head"),
    ("truncate", "read_state", "append"),
    ("delete_stream", "read_state", "append"),
    ("delete_stream", "list_streams", "read_head"),
    ("follow", "append", "delete_stream"),
    ("follow", "truncate", "work"),
    ("follow", "delete_stream", "work"),
    ("follow_inbox", "truncate", "append"),
    ("follow_inbox", "delete_stream", "work"),
    ("delete_stream", "retry", "work"),
    ("delete_stream", "replay", "work"),
    ("truncate", "rebuild_model", "work"),
    ("delete_stream", "put_model", "work"),
)
"""Operations that compete for the same event stream."""

_OF_ADMIN = {"source": "admin"}
_LIMIT = {"limit": "2"}


@dataclass(frozen=True)
class Noted:
    """What clients were answered about a stream, before an operation begins.

    Attributes:
        last: The highest version of an event whose storing was answered; 0 if there is none.
        hidden: The version before which its events are hidden.
    """

    last: int
    hidden: int


class StreamOperations:
    """Operations of clients with the event streams of the category `task`.

    A deleted stream has a successor, so that a course has streams to its end.
    """

    world: OverlappingWorld

    def _stream(self, choice: int) -> str:
        """Returns the present stream of a number; for 3, one that may be deleted."""
        if choice == 3:
            return "task/1"
        name = f"task/{choice % 2}"
        while self.world.hidden.get(name) == DELETED:
            name += "+"
        return name

    def _truncate(self, choice: int) -> Callable[[], object]:
        stream = self._stream(choice)
        before = (1, 2, self._noted(stream).last + 1, self._noted(stream).last + 9)[choice]

        def truncate() -> None:
            noted = self._noted(stream)
            begun = self.world.hiding.setdefault(stream, set())
            begun.add(before)
            status, answer = self._ask("PATCH /streams", stream, {"truncate_before": before})
            if status == 200:
                self.world.hidden[stream] = max(before, self.world.hidden.get(stream, 0))
                holds = answer["truncate_before"] >= max(before, noted.hidden)
            elif status == 422:
                holds = before > noted.last + 1
            elif status == 409:
                holds = DELETED in begun
            else:
                holds = status == 404 and noted.last == 0
            _demand(holds, f"a truncation of {stream} before {before} was answered {status}")

        return truncate

    def _delete_stream(self, choice: int) -> Callable[[], object]:
        stream = self._stream(choice)

        def delete() -> None:
            noted = self._noted(stream)
            self.world.hiding.setdefault(stream, set()).add(DELETED)
            status, _ = self._ask("DELETE /streams", stream)
            if status == 204:
                self.world.hidden[stream] = DELETED
            # It gives up if others append in each of its attempts.
            holds = status in (204, 409) or (status == 404 and noted.last == 0)
            _demand(holds, f"a deletion of {stream} was answered {status}")

        return delete

    def _read_stream(self, choice: int) -> Callable[[], object]:
        stream, backward = self._stream(choice), choice > 1

        def read() -> None:
            noted = self._noted(stream)
            query = {**_LIMIT, "direction": "backward" if backward else "forward"}
            items = self._pages("GET /streams/events", {**query, "stream_id": stream})
            versions = [each["version"] for each in items]
            stored = events_of(self.world, stream)
            for each in items:
                own = stored.get(each["version"], {}).get("id", {}).get("S")
                _demand(own == each["event"]["id"], f"{stream} has {each} at the place of {own}")
            ordered = sorted(set(versions), reverse=backward)
            _demand(versions == ordered, f"{stream} was read as {versions}")
            _demand(min(versions, default=DELETED) >= noted.hidden, f"{stream} shows {versions}")
            may_be_hidden = max(self.world.hiding.get(stream, {0}))
            missing = {
                version
                for version, item in stored.items()
                if may_be_hidden <= version <= noted.last and not self.world.has_expired(item)
            }.difference(versions)
            _demand(not missing, f"{stream} was read without {missing}")

        return read

    def _read_head(self, choice: int) -> Callable[[], object]:
        stream = self._stream(choice)

        def read() -> None:
            noted = self._noted(stream)
            status, answer = self._ask("GET /streams/head", stream)
            if status == 200:
                holds = answer["version"] >= noted.last
                _check_marks(answer, noted)
            else:
                holds = status == 404 and noted.last == 0
            _demand(holds, f"the head of {stream} was answered {status}: {answer}")

        return read

    def _list_streams(self, choice: int) -> Callable[[], object]:
        def read() -> None:
            names = {self._stream(choice), self._stream(choice + 1), *self.world.hidden}
            noted = {name: self._noted(name) for name in names}
            listed = self._pages("GET /streams", {**_LIMIT, "category": "task"})
            found = {each["stream_id"]: each for each in listed}
            _demand(len(found) == len(listed), f"streams are listed twice: {listed}")
            for name, each in noted.items():
                _demand(name in found or not each.last, f"{name} is not listed")
                if name in found:
                    _check_marks(found[name], each)

        return read

    def _follow(self, choice: int) -> Callable[[], object]:
        followed = self._followed(choice)
        return lambda: self.world.subscribe(
            ["task.*"],
            Subscriber(refuses_each(choice)),
            retry_policy={"schedule": [1], "max_attempts": 1 + choice},
            delivery_guarantee="exactly_once" if choice == 2 else "at_least_once",
            stream=followed,
        )

    def _follow_inbox(self, choice: int) -> Callable[[], object]:
        followed = self._followed(choice)

        def follow() -> None:
            subscription_id = self.world.subscribe_inbox(["task.*"], "pull", stream=followed)
            self.world.pulled[subscription_id] = []

        return follow

    def _followed(self, choice: int) -> dict[str, Any]:
        if choice == 0:
            return {**_OF_ADMIN, "category": "task", "from_version": 1}
        stream = {**_OF_ADMIN, "id": self._stream(choice)}
        return stream if choice == 1 else {**stream, "from_version": 2 * choice - 3}

    def _noted(self, stream: str) -> Noted:
        answered = [
            version
            for version, item in events_of(self.world, stream).items()
            if (sent := self.world.published.get(item["id"]["S"])) and sent.status
        ]
        return Noted(max(answered, default=0), self.world.hidden.get(stream, 0))

    def _ask(self, route: str, stream: str, body: Any = None) -> tuple[int, Any]:
        query = {**_OF_ADMIN, "stream_id": stream}
        return self.world.insist("events", route, ADMIN, body, query=query)

    def _pages(self, route: str, query: dict[str, str]) -> list[dict[str, Any]]:
        return self.world.pages("events", route, {**_OF_ADMIN, **query})


def check_hidden(world: OverlappingWorld) -> None:
    """Checks that every truncation and deletion that was answered is stored."""
    for stream, version in world.hidden.items():
        mark = world.tables.items["streams"].get((f"admin\n{stream}", 0), {})
        if version == DELETED:
            _demand("deleted_at" in mark, f"{stream} was deleted, and is not")
        else:
            kept = int(mark.get("truncate_before", {}).get("N", 0))
            _demand(kept >= version, f"{stream} is truncated before {kept}, not {version}")


def _check_marks(answer: dict[str, Any], noted: Noted) -> None:
    if noted.hidden == DELETED:
        _demand(answer["deleted_at"], f"a deleted stream is shown as {answer}")
    else:
        kept = answer["truncate_before"] or 0
        _demand(kept >= noted.hidden, f"a stream truncated before {noted.hidden}: {answer}")


def _demand(holds: object, said: str) -> None:
    if not holds:
        raise Violation(said)
