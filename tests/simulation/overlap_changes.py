"""Overlapping changes of subscriptions, of what enriches their events, and of their replays."""

from collections.abc import Callable
from typing import Any

from tests.simulation.clients import ADMIN
from tests.simulation.known import Subscriber
from tests.simulation.overlapping_world import OverlappingWorld, refuses_each
from tests.simulation.sources import HOST, SimulatedSource

CHANGE_KINDS = (
    *("subscribe_enriched", "edit", "edit", "enrich", "enrich", "narrow"),
    *("put_context", "delete_context", "break_source", "replay_to", "replay_event"),
)
"""The kinds of operations that change what is sent, or send it again."""

CHANGE_CONTESTS = (
    ("subscribe_enriched", "publish", "work"),
    ("enrich", "work", "work"),
    ("enrich", "enrich", "work"),
    ("enrich", "publish", "work"),
    ("enrich", "retry", "work"),
    ("put_context", "delete_context", "work"),
    ("delete_context", "enrich", "work"),
    ("break_source", "enrich", "work"),
    ("replay_to", "delete", "work"),
    ("replay_to", "pause", "work"),
    ("replay_to", "narrow", "work"),
    ("replay_to", "enrich", "work"),
    ("replay_to", "replay_to", "resume"),
    ("replay_event", "cancel", "work"),
    ("replay_event", "delete", "sweep"),
    ("pause", "replay", "narrow"),
)
"""Operations that compete for a subscription whose events are enriched or replayed."""

_POLICIES: tuple[dict[str, Any], ...] = (
    {"max_attempts": 1},
    {"schedule": [1, 1], "max_attempts": 3},
    {"schedule": [3600], "max_attempts": 3},
)


class ChangeOperations:
    """Operations that change subscriptions; None if there is none."""

    world: OverlappingWorld
    _replays: list[str]
    _editions: int = 0

    def _change(self, subscription_id: str, **members: Any) -> None:
        raise NotImplementedError

    def _about_subscription(
        self, choice: int, work: Callable[[str], object]
    ) -> Callable[[], object] | None:
        raise NotImplementedError

    def _subscribe_enriched(self, choice: int) -> Callable[[], object]:
        enrichment = self._enrichment(choice)
        return lambda: self.world.subscribe(
            ["task.*"],
            Subscriber(refuses_each(choice)),
            service_id="worker",
            ordered=choice % 2 == 1,
            retry_policy=_POLICIES[choice % len(_POLICIES)],
            enrichment=enrichment,
        )

    def _enrich(self, choice: int) -> Callable[[], object] | None:
        """Replaces what an enriched subscription asks for, or takes it away."""
        subscription_id = self._subscribed_with("enrichment", choice)
        if subscription_id is None:
            return None
        enrichment = None if choice == 3 else self._enrichment(choice)
        return lambda: self._change(subscription_id, enrichment=enrichment)

    def _edit(self, choice: int) -> Callable[[], object] | None:
        members: dict[str, Any] = (
            {"retry_policy": _POLICIES[1]},
            {"retry_policy": _POLICIES[2], "max_in_flight": 1},
            {"delivery_guarantee": "exactly_once"},
            {"delivery_guarantee": "at_least_once", "max_in_flight": None},
        )[choice]
        return self._about_http(choice, lambda one: self._change(one, **members))

    def _narrow(self, choice: int) -> Callable[[], object] | None:
        types = ["task.created"] if choice % 2 else ["task.*"]
        return self._about_http(choice, lambda one: self._change(one, event_types=types))

    def _put_context(self, choice: int) -> Callable[[], object]:
        name = f"e{1 + choice * 3}"
        return lambda: self._context("PUT", name, {"value": {"of": name}})

    def _delete_context(self, choice: int) -> Callable[[], object]:
        return lambda: self._context("DELETE", f"e{1 + choice * 3}")

    def _break_source(self, choice: int) -> Callable[[], object]:
        def fail() -> None:
            self.world.source = SimulatedSource(down_until=self.world.now + 30 * choice)

        return fail

    def _replay_to(self, choice: int) -> Callable[[], object] | None:
        def replay(subscription_id: str) -> None:
            asked = {
                "from": "2026-05-01T00:00:00Z",
                "rate": 1 + choice,
                "subscription_id": subscription_id,
            }
            if answer := self.world.ask("recovery", "POST /replays", "", asked):
                self._replays.append(answer["id"])

        return self._about_subscription(choice, replay)

    def _replay_event(self, choice: int) -> Callable[[], object] | None:
        stored = sorted(name for (name,) in self.world.tables.items["events"])
        if not stored:
            return None
        event_id = stored[choice % len(stored)]

        def replay() -> None:
            if answer := self.world.ask("recovery", "POST /events/{id}/replay", event_id):
                self._replays.append(answer["id"])

        return replay

    def _enrichment(self, choice: int) -> dict[str, Any]:
        """Returns another enrichment each time: other parts, and other values of them."""
        self._editions += 1
        fallback = "skip" if choice % 2 else "fail"
        parts: tuple[tuple[str, dict[str, Any]], ...] = (
            ("customer", {"type": "lookup", "context": "customers", "key": "$.payload.n"}),
            ("asked", {"type": "http", "url": f"{HOST}{{n}}", "variables": {"n": "$.payload.n"}}),
        )
        name, source = parts[self._editions % len(parts)]
        return {
            "edition": {"type": "static", "value": self._editions},
            name: {**source, "fallback": fallback},
        }

    def _context(self, method: str, key: str, body: Any = None) -> None:
        self.world.insist(
            "registry",
            f"{method} /contexts/{{name}}/{{key}}",
            ADMIN,
            body,
            parameters={"name": "customers", "key": key},
            query={"service_id": "worker"},
        )

    def _about_http(
        self, choice: int, work: Callable[[str], object]
    ) -> Callable[[], object] | None:
        subscription_id = self._subscribed_with("callback_url", choice)
        if subscription_id is None:
            return None
        return lambda: work(subscription_id)

    def _subscribed_with(self, member: str, choice: int) -> str | None:
        """Chooses a subscription whose request has a member, and which was not removed."""
        known = [
            each.id
            for each in self.world.subscribed.values()
            if member in each.request and each.id not in self.world.gone
        ]
        return known[choice % len(known)] if known else None
