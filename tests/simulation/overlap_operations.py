"""Overlapping operations: each finds its resource and acts on it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson
from event_bus.model.circuit import Circuit

from tests.simulation.clients import ADMIN
from tests.simulation.known import DELETED, Subscriber, Violation
from tests.simulation.overlap_changes import CHANGE_KINDS, ChangeOperations
from tests.simulation.overlap_commands import COMMAND_KINDS, CommandOperations
from tests.simulation.overlap_inboxes import INBOX_KINDS, InboxOperations
from tests.simulation.overlap_models import MODEL_KINDS, ModelOperations
from tests.simulation.overlap_registrations import REGISTRATION_KINDS, RegistrationOperations
from tests.simulation.overlap_streams import STREAM_KINDS, StreamOperations
from tests.simulation.overlapping_world import OverlappingWorld, refuses_each
from tests.simulation.stories.story import event

SERVICES = ("worker", "planner")
_TYPES = ("task.created", "task.closed")
POLICIES: tuple[dict[str, Any], ...] = (
    {"max_attempts": 1},
    {"schedule": [1], "max_attempts": 2},
    {"schedule": [3600], "max_attempts": 3},
)

KINDS = (
    *("publish", "publish_twice", "subscribe", "subscribe_inbox", "patch", "disable", "delete"),
    *("pause", "resume"),
    *("register", "unregister", "patch_publisher", "make_key", "rotate_key", "revoke_key"),
    *("rotate_secret", "retry", "retry_all", "discard", "replay", "cancel", "pull", "connect"),
    *("work", "work", "work", "sweep"),
    *COMMAND_KINDS,
    *CHANGE_KINDS,
    *MODEL_KINDS,
    *STREAM_KINDS,
    *INBOX_KINDS,
    *REGISTRATION_KINDS,
)
"""The kinds of operations."""

_ANY_PAUSE = 10**9

CONTESTS = (
    ("work", "work", "work"),
    ("publish", "work", "work"),
    ("retry", "retry", "retry"),
    ("retry", "retry_all", "retry_all"),
    ("retry", "discard", "work"),
    ("discard", "discard"),
    ("cancel", "cancel", "work"),
    ("unregister", "subscribe"),
    ("unregister", "unregister", "patch_publisher"),
    ("unregister", "rotate_key", "make_key"),
    ("rotate_key", "rotate_key", "revoke_key"),
    ("revoke_key", "revoke_key"),
    ("register", "register", "subscribe"),
    ("delete", "delete", "patch"),
    ("delete", "disable", "rotate_secret"),
    ("delete", "retry", "work"),
    ("pull", "pull", "work"),
    ("publish_twice", "work"),
    ("pause", "publish", "work"),
    ("pause", "resume", "work"),
    ("resume", "work", "work"),
    ("resume", "publish", "work"),
    ("resume", "disable", "work"),
)
"""Operations that compete for the same resource."""


class OverlapOperations(
    StreamOperations,
    CommandOperations,
    ChangeOperations,
    ModelOperations,
    InboxOperations,
    RegistrationOperations,
):
    """Operations of clients and functions; None if there is no resource for them."""

    def __init__(self) -> None:
        self.world = OverlappingWorld()
        self._started = 0
        self._made = 0
        self._keys: list[tuple[str, str]] = []
        self._replays: list[str] = []
        self._leases = []
        self.created, self.removed = Counter(), Counter()

    def _publish(self, choice: int) -> Callable[[], object]:
        stream = self._stream(choice) if choice < 3 else None
        events = [self._event(stream) for _ in range(choice)]
        return lambda: self.world.publish(*(events or [self._event(self._stream(1))]))

    def _publish_twice(self, choice: int) -> Callable[[], object]:
        fillers = [self._event("task/2") for _ in range(choice)]
        stream = self._stream(1)
        first = self._event(stream)
        second = {**first, "payload": {"n": "another"}}
        second["metadata"] = {"stream_id": "task/2"} if choice else {}

        def publish() -> None:
            *_, won, lost = self.world.publish(*fillers, first, second)
            deleted = DELETED in self.world.hiding.get(stream, ())
            if (won, lost) != (202, 409) and not (deleted and won == 409):
                raise Violation(f"of two events of one id, the first was answered {won}")

        return publish

    def _subscribe(self, choice: int) -> Callable[[], object]:
        service = SERVICES[choice % 2]
        return lambda: self.world.subscribe(
            ["task.*"],
            Subscriber(refuses_each(choice)),
            service_id=service,
            ordered=choice % 2 == 0,
            retry_policy=POLICIES[choice % len(POLICIES)],
            delivery_guarantee="exactly_once" if choice == 2 else "at_least_once",
        )

    def _subscribe_inbox(self, choice: int) -> Callable[[], object]:
        kind = ("pull", "websocket")[choice % 2]

        def subscribe() -> None:
            subscription_id = self.world.subscribe_inbox(["task.*"], kind, ordered=choice > 1)
            if kind == "pull":
                self.world.pulled[subscription_id] = []

        return subscribe

    def _patch(self, choice: int) -> Callable[[], object] | None:
        return self._about_subscription(
            choice, lambda one: self._change(one, name=f"named {self._started}")
        )

    def _disable(self, choice: int) -> Callable[[], object] | None:
        status = "disabled" if self._started % 2 else "active"
        return self._about_subscription(choice, lambda one: self._change(one, status=status))

    def _change(self, subscription_id: str, **members: Any) -> None:
        if members.get("status") == "disabled":
            # If it is paused, it is not owed the events that it has matched meanwhile.
            self.world.skipped[subscription_id] = _ANY_PAUSE
        self.world.unsettled.add(subscription_id)
        self.world.ask("registry", "PATCH /subscriptions/{id}", subscription_id, members)

    def _pause(self, choice: int) -> Callable[[], object] | None:
        return self._about_subscription(choice, lambda one: self._set(one, status="paused"))

    def _resume(self, choice: int) -> Callable[[], object] | None:
        start = "now" if choice == 3 else "backlog"
        return self._about_subscription(
            choice, lambda one: self._set(one, status="active", resume_from=start)
        )

    def _set(self, subscription_id: str, **members: Any) -> None:
        self.world.pauses[subscription_id] += 1
        if members.get("resume_from") == "now":
            self.world.skipped[subscription_id] = _ANY_PAUSE
        self.world.unsettled.add(subscription_id)
        self.world.ask("registry", "PATCH /subscriptions/{id}", subscription_id, members)

    def _delete(self, choice: int) -> Callable[[], object] | None:
        def delete(subscription_id: str) -> None:
            self.world.unsettled.add(subscription_id)
            self.world.gone.add(subscription_id)
            self.world.ask("registry", "DELETE /subscriptions/{id}", subscription_id)

        return self._about_subscription(choice, delete)

    def _rotate_secret(self, choice: int) -> Callable[[], object] | None:
        route = "POST /subscriptions/{id}/secret/rotate"
        return self._about_subscription(choice, lambda one: self.world.ask("registry", route, one))

    def _register(self, choice: int | str) -> Callable[[], object] | None:
        service = choice if isinstance(choice, str) else SERVICES[choice % 2]

        def register() -> None:
            asked = {"service_id": service, "name": "A service", "event_types": ["task.*"]}
            answer = self.world.ask("registry", "POST /publishers", "", asked)
            self.world.answers[f"registered {service}", 201] += answer is not None

        if isinstance(choice, str):
            register()
            return None
        return register

    def _unregister(self, choice: int) -> Callable[[], object]:
        service = SERVICES[choice % 2]
        return lambda: self.world.ask("registry", "DELETE /publishers/{id}", service)

    def _patch_publisher(self, choice: int) -> Callable[[], object]:
        service, name = SERVICES[choice % 2], f"named {self._started}"
        return lambda: self.world.ask("registry", "PATCH /publishers/{id}", service, {"name": name})

    def _make_key(self, choice: int) -> Callable[[], object]:
        service = SERVICES[choice % 2]

        def make() -> None:
            if key := self.world.ask("keys", "POST /publishers/{id}/keys", service):
                self._keys.append((service, key["id"]))

        return make

    def _rotate_key(self, choice: int) -> Callable[[], object] | None:
        def rotate(service: str, key_id: str) -> None:
            route = "POST /publishers/{id}/keys/{key_id}/rotate"
            about = {"key_id": key_id}
            if key := self.world.ask("keys", route, service, {"overlap": 60}, parameters=about):
                self._keys.append((service, key["id"]))

        return self._about_key(choice, rotate)

    def _revoke_key(self, choice: int) -> Callable[[], object] | None:
        def revoke(service: str, key_id: str) -> None:
            route, about = "DELETE /publishers/{id}/keys/{key_id}", {"key_id": key_id}
            status, _ = self.world.insist("keys", route, ADMIN, parameters={"id": service, **about})
            self.world.answers[f"{route} {key_id}", status] += 1

        return self._about_key(choice, revoke)

    def _retry(self, choice: int) -> Callable[[], object] | None:
        return self._about_letter(
            choice, lambda one: self.world.ask("recovery", "POST /dead-letters/{id}/retry", one)
        )

    def _retry_all(self, _choice: int) -> Callable[[], object]:
        return lambda: self.world.ask("recovery", "POST /dead-letters/retry", "", {})

    def _discard(self, choice: int) -> Callable[[], object] | None:
        return self._about_letter(
            choice, lambda one: self.world.ask("recovery", "DELETE /dead-letters/{id}", one)
        )

    def _replay(self, choice: int) -> Callable[[], object]:
        def replay() -> None:
            asked = {"from": "2026-05-01T00:00:00Z", "rate": 1 + choice}
            answer = self.world.ask("recovery", "POST /replays", "", asked)
            self._replays.append(answer["id"])

        return replay

    def _cancel(self, choice: int) -> Callable[[], object] | None:
        if not self._replays:
            return None
        replay_id = self._replays[choice % len(self._replays)]
        return lambda: self.world.ask("recovery", "DELETE /replays/{id}", replay_id)

    def _pull(self, choice: int) -> Callable[[], object] | None:
        pulled = [each for each in sorted(self.world.pulled) if each not in self.world.gone]
        if not pulled:
            return None
        subscription_id = pulled[choice % len(pulled)]
        return lambda: subscription_id in self.world.gone or self.world.pull(subscription_id)

    def _connect(self, choice: int) -> Callable[[], object] | None:
        pushed = [
            each.id
            for each in self.world.subscribed.values()
            if each.request.get("target", {}).get("type") == "websocket"
            and each.id not in self.world.gone
        ]
        if not pushed or len(self.world.sockets) > 3:
            return None
        return lambda: self.world.connect(pushed[choice % len(pushed)])

    def _work(self, _choice: int) -> Callable[[], object]:
        return self.world.step

    def _sweep(self, _choice: int) -> Callable[[], object]:
        return lambda: self.world.invoke("sweep", {})

    def _event(self, stream: str | None) -> dict[str, Any]:
        self._made += 1
        members: dict[str, Any] = {"metadata": {"stream_id": stream}} if stream else {}
        return event(f"e{self._made}", _TYPES[self._made % 2], **members)

    def _about_subscription(
        self, choice: int, work: Callable[[str], object]
    ) -> Callable[[], object] | None:
        subscribed = [each for each in self.world.subscribed if each not in self.world.gone]
        if not subscribed:
            return None
        subscription_id = subscribed[choice % len(subscribed)]
        return lambda: work(subscription_id)

    def _about_key(
        self, choice: int, work: Callable[[str, str], object]
    ) -> Callable[[], object] | None:
        if not self._keys:
            return None
        service, key_id = self._keys[choice % len(self._keys)]
        return lambda: work(service, key_id)

    def _about_letter(
        self, choice: int, work: Callable[[str], object]
    ) -> Callable[[], object] | None:
        letters = sorted(
            item["dead_letter_id"]["S"]
            for item in self.world.tables.items["deliveries"].values()
            if "dead_letter_id" in item
        )
        if not letters:
            return None
        return lambda: work(letters[choice % len(letters)])

    def _open_circuit(self, subscription_id: str) -> None:
        """Gives a subscription an open circuit that may be probed."""
        document = asdict(Circuit(state="open", until=self.world.now, version=1))
        self.world.tables.put(
            "circuits",
            {
                "subscription_id": {"S": subscription_id},
                "version": {"N": "1"},
                "document": {"S": orjson.dumps(document).decode()},
                "expires_at": {"N": str(int(self.world.now) + 86_400)},
            },
        )
