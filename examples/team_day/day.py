"""The day itself: the services register, the morning's tasks come in, and all else is reaction."""

import queue
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from examples.team_day.cast import CAST, MORNING, Service
from examples.team_day.client import Client
from examples.team_day.receiver import Receipt, Receiver, receiving
from examples.team_day.screen import Screen
from examples.team_day.summary import Summary
from localstack.bus import LocalBus

NAME = "Team day"
HEARTBEAT = "team_day.heartbeat"
PATIENCE_SECONDS = 60.0


class Lost(Exception):
    """What must come did not come in time."""


def key_of(service_id: str) -> str:
    """The key that a service chose; in life it would be a secret."""
    return f"example-key-of-{service_id}"


@dataclass
class Day:
    """A day in progress.

    Attributes:
        bus: The running bus.
        screen: Where it is shown.
        receiver: Where the services are called back.
        summary: What was counted so far.
    """

    bus: LocalBus
    screen: Screen
    receiver: Receiver
    summary: Summary = field(default_factory=Summary)
    _begun: dict[str, float] = field(default_factory=dict)
    _owed: set[tuple[str, str]] = field(default_factory=set)
    _subscribed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._admin = Client.of(self.bus.api_url, self.bus.admin_api_key)
        self._services = {each.id: each for each in CAST}
        self._clients = {each.id: Client.of(self.bus.api_url, key_of(each.id)) for each in CAST}
        self._play = uuid.uuid4().hex[:8]

    @contextmanager
    def registered(self) -> Iterator[None]:
        """All services are registered, until the end of the block."""
        for service in CAST:
            if service.publishes:
                self._admin.register_publisher(
                    service.id, list(service.publishes), key_of(service.id)
                )
            for old in self._admin.subscriptions(service.id):
                if old["name"] == NAME:
                    self._admin.unsubscribe(old["id"])
            self._subscribed.append(self._subscribe(service))
        try:
            yield
        finally:
            for subscription_id in self._subscribed:
                self._admin.unsubscribe(subscription_id)

    def warm_up(self) -> tuple[float, float]:
        """Sends heartbeats until the functions are warm; they do not count.

        Returns:
            The seconds that the first and the last one took.
        """
        taken = []
        for _ in range(5):
            begun = time.time()
            event = self._admin.publish({"type": HEARTBEAT, "payload": {}})
            while (receipt := self._next()).event["id"] != event["id"]:
                pass
            taken.append(receipt.at - begun)
        return taken[0], taken[-1]

    def morning(self) -> None:
        """People join, and tasks come in."""
        manager = "task_manager_service"
        for name in ("ada", "grace"):
            self._publish(manager, "user.created", {"user_id": name})
        self._publish(manager, "user.updated", {"user_id": "ada", "team": "blue"})
        for number, (title, priority) in enumerate(MORNING, 1):
            task = {"task_id": f"task_{number}", "title": title, "priority": priority}
            correlation = self.correlation(number)
            self._publish(manager, "task.created", task, correlation)
            self._publish(manager, "task.assigned", {**task, "assignee": "developer"}, correlation)

    def evening(self) -> None:
        """Loose ends."""
        manager, knowledge = "task_manager_service", "knowledge_base_service"
        self._publish(manager, "task.updated", {"task_id": "task_4", "priority": "low"})
        self._publish(manager, "task.deleted", {"task_id": "task_4"})
        self._publish(knowledge, "knowledge.item.updated", {"item_id": "note-task_1"})
        self._publish(knowledge, "knowledge.item.deleted", {"item_id": "note-task_2"})
        self._publish(manager, "user.deleted", {"user_id": "grace"})

    def settle(self) -> None:
        """Lets the services react, until nothing is owed to anyone.

        Raises:
            Lost: Something that is owed did not come.
        """
        while self._owed:
            receipt = self._next()
            owed = (receipt.event["id"], receipt.service_id)
            if owed not in self._owed:
                self.summary.unexpected += 1
                continue
            self._owed.remove(owed)
            latency = receipt.at - self._begun[receipt.event["id"]]
            self.summary.latencies.append(latency)
            self.screen.received(receipt.service_id, receipt.event, receipt.at, latency)
            for event_type, payload in self._services[receipt.service_id].react(receipt.event):
                correlation = receipt.event["metadata"].get("correlation_id")
                self._publish(receipt.service_id, event_type, payload, correlation)
        self.summary.refused = self.receiver.refused

    def audit(self) -> None:
        """Asks the bus itself how each delivery ended."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        waiting = list(self._begun)
        while waiting and time.monotonic() < deadline:
            # What was received a moment ago may not be recorded yet.
            still = []
            for event_id in waiting:
                event = self._event(event_id)
                states = [each["status"] for each in event["deliveries"]]
                if event["processed"] and set(states) <= {"delivered"}:
                    self.summary.delivered += len(states)
                else:
                    still.append(event_id)
            waiting = still

    def story_of(self, number: int) -> list[dict[str, Any]]:
        """The events of one task, oldest first, with their deliveries."""
        events = self._admin.events_of(self.correlation(number))
        return [self._event(each["id"]) for each in events]

    def correlation(self, number: int) -> str:
        """The correlation id of one of the morning's tasks."""
        return f"day-{self._play}-task-{number}"

    def _event(self, event_id: str) -> dict[str, Any]:
        """An event with its deliveries to this day's subscriptions, for the bus may have others."""
        event = self._admin.event(event_id)
        ours = [each for each in event["deliveries"] if each["subscription_id"] in self._subscribed]
        return {**event, "deliveries": ours}

    def _subscribe(self, service: Service) -> str:
        subscription = {
            "service_id": service.id,
            "name": NAME,
            "event_types": [*service.subscribes, *((HEARTBEAT,) if service.filters else ())],
            "filters": service.filters or {},
            "callback_url": f"{self.receiver.url}/{service.id}",
        }
        if service.publishes:
            made = self._clients[service.id].subscribe(subscription)
        else:
            # A service without a key of its own: the admin registers on its behalf.
            chosen = {"authentication": {"api_key": key_of(service.id)}}
            made = self._admin.subscribe({**subscription, **chosen})
        self.receiver.secrets[service.id] = made["signing_secret"]
        return str(made["id"])

    def _publish(
        self,
        service_id: str,
        event_type: str,
        payload: dict[str, Any],
        correlation: str | None = None,
    ) -> None:
        metadata = {"correlation_id": correlation} if correlation else {}
        event = {"type": event_type, "payload": payload, "metadata": metadata}
        begun = time.time()
        stored = self._clients[service_id].publish(event)
        self.screen.published(service_id, event, begun, time.time() - begun)
        self._begun[stored["id"]] = begun
        owed = {(stored["id"], each.id) for each in CAST if each.expects(event)}
        self._owed |= owed
        self.summary.published += 1
        self.summary.types.add(event_type)
        self.summary.matched += len(owed)
        self.summary.filtered += sum(event_type in each.subscribes for each in CAST) - len(owed)

    def _next(self) -> Receipt:
        try:
            return self.receiver.receipts.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            raise Lost(
                f"nothing came for {PATIENCE_SECONDS:g} s; {len(self._owed)} deliveries are owed"
            ) from None


def play(bus: LocalBus, screen: Screen) -> Summary:
    """Plays the day on a running bus.

    Returns:
        Its figures.

    Raises:
        Lost: An event did not arrive.
    """
    with receiving() as receiver:
        day = Day(bus, screen, receiver)
        with day.registered():
            first, last = day.warm_up()
            screen.note(
                f"Five services are registered. A first heartbeat took "
                f"{1000 * first:.0f} ms, the fifth {1000 * last:.0f} ms. They do not count below; "
                "what waits for a further function to start does."
            )
            screen.say("Morning: people join, tasks come in, and the services get to work")
            day.morning()
            day.settle()
            screen.say("Evening: loose ends")
            day.evening()
            day.settle()
            day.audit()
            screen.say("What the bus tells of the first task, by its correlation id")
            screen.followed(day.story_of(1))
    return day.summary
