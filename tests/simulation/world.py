"""A world in memory: AWS around the functions, clients before them, subscribers behind them.

It hands batches to the functions as Lambda's event sources do: SQS hands messages over in any
order, sometimes twice, and again after their visibility timeout; a stream keeps the order of each
item alone, retries a failed batch by halves, and gives up after some retries.
"""

import random
import zlib
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import orjson
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.registration import Subscription
from event_bus.queues.lanes import NotSent
from event_bus.queues.unroutable import NotSetAside
from event_bus.targets.http import HttpTarget
from event_bus.targets.transport import DeliveryRequest

from infra.tables import TABLES
from tests.requests import http_request
from tests.simulation.dynamodb import MemoryDynamoDB
from tests.simulation.faults import Call, Fault, ProcessExit
from tests.simulation.kms import MemoryKms
from tests.simulation.process import QUEUES, Processes
from tests.simulation.s3 import MemoryS3
from tests.simulation.seam import error
from tests.simulation.sockets import GapFound, MemoryConnections, SocketClient
from tests.simulation.sqs import MemorySqs, Queue, Queues
from tests.simulation.tables import REMEMBERED_SECONDS, Tables

NOON = 1_777_636_800.0
"""Where the clock starts: 2026-05-01T12:00:00Z."""

ADMIN = Caller("admin", "admin")

UNSENDABLE = "unsendable"
"""How the ids of events begin whose messages no lane takes, whatever they hold."""

_VISIBILITY_SECONDS = 360.0
_DELAY_SECONDS = 1_000.0
_SWEEP_SECONDS = 60.0
_STREAM_RETRIES = 10
_STREAM_SHARDS = 3
_CONSUMERS = {
    "http_lane": "deliver_http",
    "http_lane_redrive": "redrive",
    "http_paced_lane": "deliver_http_paced",
    "http_paced_lane_redrive": "redrive",
    "inbox_lane": "deliver_inbox",
    "inbox_lane_redrive": "redrive",
    "unroutable_queue": "route",
    "replay_queue": "replay",
}
_EXPECTED = (ClientError, BotoCoreError, TimeoutError, NotSent, NotSetAside, RuntimeError)
"""What a function may raise when AWS does not do its part; anything else is a fault of its own."""

_STEPS = 40_000

_PAUSE_KNOWN_SECONDS = 10 + 10 * 13.0
"""How long after a pause was answered an attempt may still be made that was routed before it: lanes
remember a subscription for 10 seconds, and a batch makes its attempts one after the other."""

_HANDED_OVER_SECONDS = 30 + 10 * 13.0
"""How long after a type was taken away an event may still be sent that was routed before.

Beside the 30 seconds that the bus promises, it waits for the other attempts of a batch.
"""


class Violation(AssertionError):
    """A promise that was broken while the world ran."""


@dataclass(frozen=True)
class Receipt:
    """An attempt as the subscriber saw it.

    Attributes:
        key: The delivery.
        taken: Whether the subscriber acted on it.
        answered: Whether the bus saw that.
        at: When, in Unix seconds.
    """

    key: DeliveryKey
    taken: bool
    answered: bool
    at: float


@dataclass
class Subscriber:
    """Someone behind a callback URL.

    Attributes:
        answer: What it answers to the n-th attempt of a delivery.
        log: The attempts, in order.
        lies: How many answers are lost on their way, of those that say that it acted.
        seconds: How long it takes to answer.
    """

    answer: Callable[[Event, int], Outcome] = lambda _event, _number: Outcome(status_code=204)
    log: list[Receipt] = field(default_factory=list)
    lies: int = 0
    seconds: float = 0.05


@dataclass(frozen=True)
class Published:
    """What a client knows of an event that it published.

    Attributes:
        event: The event as it was sent.
        status: The status of the last answer; 0 where none came.
        began: The number of the step at which it was sent first.
    """

    event: dict[str, Any]
    status: int
    began: int


@dataclass(frozen=True)
class Subscribed:
    """What a client knows of a subscription that it registered.

    Attributes:
        id: Its identifier.
        request: What was sent.
        answered: The number of the step at which the 201 came.
        at: When it was registered, in Unix seconds.
    """

    id: str
    request: dict[str, Any]
    answered: int
    at: float


@dataclass(frozen=True)
class Given:
    """The types that an admin gave to a service.

    Attributes:
        service_id: The service.
        event_types: The type patterns; None where the default holds, which is everything.
        began: When the request was sent first, in Unix seconds.
        answered: When it was answered, in Unix seconds.
    """

    service_id: str
    event_types: list[str] | None
    began: float
    answered: float


class World:
    """Everything outside of the code.

    Attributes:
        now: The time, in Unix seconds.
        running: The function that runs.
        clock_errors: By how much the clocks of functions are wrong, in seconds.
        pulled: What consumers have taken of inboxes, in order, by subscription.
        done: The place up to which they have acknowledged it.
        published: What clients published, by id.
        subscribed: What clients subscribed, by id.
        given: What admins gave to services, in order.
        subscribers: Who is behind each callback URL.
        paused: When the pause of each paused subscription was answered, in Unix seconds.
        pauses: How often each subscription was paused.
        skipped: Up to which pause a subscription was resumed from now, or disabled.
        calls: How many calls to AWS were made by functions so far.
        made: Which calls they were.
        spoiled: Whether any of them went wrong.
        staleness: How many of the reads that need not be consistent answer the past, from 0 to 1.
        forgetful: How many of the messages that were deleted a queue hands over again, from 0 to 1.
        rival: What somebody else does, once, while a process stands still.
    """

    def __init__(
        self,
        seed: int = 0,
        faults: tuple[Fault, ...] = (),
        chaos: float = 0.0,
        staleness: float = 0.0,
        forgetful: float = 0.05,
    ) -> None:
        self.now = NOON
        self.running = ""
        self.clock_errors: dict[str, float] = {}
        self.rng = random.Random(seed)
        self.faults = {fault.call: fault.mode for fault in faults}
        self.chaos = chaos
        self.staleness = staleness
        self.forgetful = forgetful
        self.calls = 0
        self.made: list[Call] = []
        self.happened: Counter[str] = Counter()
        self.spoiled = False
        self.tables = Tables(TABLES, lambda: self.now)
        self.queues = Queues(lambda: self.now)
        self.queues.refuses = _unsendable
        self.objects: dict[tuple[str, str], bytes] = {}
        for name in QUEUES:
            self.queues.create(f"{name}_redrive", Queue(_VISIBILITY_SECONDS))
            self.queues.create(name, Queue(_VISIBILITY_SECONDS, f"{name}_redrive"))
        self.sockets: list[SocketClient] = []
        self.pulled: dict[str, list[str]] = {}
        self.done: dict[str, int] = {}
        self.clients = {
            "dynamodb": MemoryDynamoDB(self.tables, self.intercept, age=self._age),
            "sqs": MemorySqs(self.queues, self.intercept),
            "s3": MemoryS3(self.objects, self.intercept),
            "connections": MemoryConnections(self.sockets, self.intercept),
            "kms": MemoryKms({}, self.intercept),
        }
        self.published: dict[str, Published] = {}
        self.subscribed: dict[str, Subscribed] = {}
        self.given: list[Given] = []
        self.subscribers: dict[str, Subscriber] = {}
        self.unsettled: set[str] = set()
        self.paused: dict[str, float] = {}
        self.pauses: Counter[str] = Counter()
        self.skipped: dict[str, int] = {}
        self.gone: set[str] = set()
        self.moves = 0
        self.rival: Callable[[], object] | None = None
        self._processes = Processes()
        self._shards: list[list[tuple[list[dict[str, Any]], int]]] = [
            [] for _ in range(_STREAM_SHARDS)
        ]
        self._pushes: list[list[tuple[list[dict[str, Any]], int]]] = [[] for _ in range(2)]
        self._streamed = self._pushed = 0
        self._nested = False
        self._dead = False
        self._swept = self.now

    # The seam.

    def intercept(self, service: str, operation: str, carry_out: Callable[[], Any]) -> Any:
        """Carries out a call, unless a fault is meant for it."""
        if self._dead:
            # What is left of a process that crashed makes no calls.
            raise ProcessExit
        self.hand_over()
        self.calls += 1
        self.made.append(Call(f"{service}.{operation}", self.moves, self.now))
        mode = self.faults.get(self.calls)
        if mode is None and self.chaos and self.rng.random() < self.chaos:
            mode = self.rng.choice(
                ("refused", "lost", "repeated", "exit_before", "exit_after", "throttled", "delayed")
            )
        if mode is None:
            return carry_out()
        self.happened[mode] += 1
        self.spoiled = True
        return self._spoil(mode, operation, carry_out)

    def _age(self) -> float:
        if self.staleness and self.rng.random() < self.staleness:
            return self.rng.uniform(0, REMEMBERED_SECONDS)
        return 0.0

    def _spoil(self, mode: str, operation: str, carry_out: Callable[[], Any]) -> Any:
        if mode == "refused":
            raise ConnectionClosedError(endpoint_url="https://aws.example")
        if mode == "exit_before":
            self._dead = True
            raise ProcessExit
        if mode == "throttled":
            raise error("ThrottlingException", operation)
        if mode == "delayed":
            self._stand_still()
            return carry_out()
        answer = carry_out()
        if mode == "lost":
            raise ConnectionClosedError(endpoint_url="https://aws.example")
        if mode == "exit_after":
            self._dead = True
            raise ProcessExit
        return carry_out() if mode == "repeated" else answer

    def _stand_still(self) -> None:
        if self._nested:
            return
        self._nested = True
        own, self._processes = self._processes, Processes()
        self.now += _DELAY_SECONDS
        rival, self.rival = self.rival, None
        try:
            if rival:
                rival()
            for _ in range(40):
                if not self._step():
                    break
        finally:
            self._processes, self._nested = own, False

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += seconds
        self.hand_over()

    def hand_over(self) -> None:
        """Lets others go on, where functions and clients overlap; here they do not."""

    # The functions.

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """Calls a function; None where it failed or crashed."""
        return self._call(function, event)[1]

    def _call(self, function: str, event: dict[str, Any]) -> tuple[bool, Any]:
        """Calls a function; whether it ended well, and its answer."""
        self.moves += 1
        self.now += 0.01
        processes = self._processes
        before, self.running = self.running, function
        try:
            return True, processes.handler(function)(event, None)
        except ProcessExit:
            self._dead = False
            processes.end(function)
        except (Violation, GapFound):
            raise
        except Exception as failure:
            self.happened[type(failure).__name__] += 1
        finally:
            self.running = before
        return False, None

    @property
    def clock(self) -> float:
        """What the clock of the function says that runs, in Unix seconds."""
        return self.now + self.clock_errors.get(self.running, 0.0)

    def request(
        self, function: str, route: str, caller: Caller, body: Any = None, **members: Any
    ) -> tuple[int, Any]:
        """Makes a request of the API once; the status is 0 where no answer came."""
        text = None if body is None else orjson.dumps(body).decode()
        answer = self.invoke(function, http_request(route, caller=caller, body=text, **members))
        if answer is None:
            return 0, None
        return answer["statusCode"], orjson.loads(answer["body"] or "null")

    def insist(
        self, function: str, route: str, caller: Caller, body: Any = None, **members: Any
    ) -> tuple[int, Any]:
        """Makes a request until it is answered, as a client does that wants it done."""
        for _ in range(20):
            status, answer = self.request(function, route, caller, body, **members)
            if status not in (0, 500, 502, 503):
                return status, answer
            if status == 500:
                raise Violation(f"{route} was answered 500")
            self.now += 1
        raise Violation(f"{route} is never answered")

    # The clients.

    def publish(self, *events: dict[str, Any]) -> list[int]:
        """Publishes events in one request, by ids that the client chose, until it is answered.

        Returns:
            The status of each.
        """
        began = self.moves
        body = events[0] if len(events) == 1 else list(events)
        for each in events:
            known = self.published.get(each["id"])
            if known is None:
                self.published[each["id"]] = Published(each, 0, began)
        status, answer = self.insist("publish", "POST /events", ADMIN, body)
        statuses = [status] if len(events) == 1 else [each["status"] for each in answer["results"]]
        if any(each == 503 for each in statuses):
            return self.publish(*events)
        for each, result in zip(events, statuses, strict=True):
            if result < 300:
                first = self.published[each["id"]]
                self.published[each["id"]] = Published(each, result, first.began)
        return statuses

    def subscribe(
        self, event_types: list[str], subscriber: Subscriber | None = None, **members: Any
    ) -> str:
        """Registers a subscription, and whoever is behind it.

        Returns:
            Its id; empty where its service may receive nothing of a pattern.
        """
        url = f"http://subscriber-{len(self.subscribers)}.example/"
        self.subscribers[url] = subscriber or Subscriber()
        return self._register(
            {"service_id": "worker", "event_types": event_types, "callback_url": url, **members}
        )

    def _register(self, request: dict[str, Any]) -> str:
        status, answer = self.insist("registry", "POST /subscriptions", ADMIN, request)
        given = [each for each in self.given if each.service_id == request["service_id"]]
        if status == 403 and given and given[-1].event_types is not None:
            # Of one of its patterns the service may receive nothing.
            return ""
        if status != 201:
            raise Violation(f"a subscription was answered {status}: {answer}")
        at = times.seconds(answer["created_at"])
        self.subscribed[answer["id"]] = Subscribed(answer["id"], request, self.moves, at)
        return str(answer["id"])

    def change(self, subscription_id: str, **members: Any) -> None:
        """Changes a subscription; what it is to receive is not certain any more."""
        self.unsettled.add(subscription_id)
        if members.get("status") == "disabled" and subscription_id in self.paused:
            self.skipped[subscription_id] = self.pauses[subscription_id]
        if "status" in members:
            self.paused.pop(subscription_id, None)
        self._patch(subscription_id, members)

    def pause(self, subscription_id: str) -> None:
        """Pauses a subscription: it is owed what it matches, and gets it later."""
        self._patch(subscription_id, {"status": "paused"})
        self.pauses[subscription_id] += 1
        self.paused[subscription_id] = self.now

    def resume(self, subscription_id: str, start: str) -> None:
        """Resumes a paused subscription, from its backlog or from now."""
        del self.paused[subscription_id]
        if start == "now":
            self.skipped[subscription_id] = self.pauses[subscription_id]
        self._patch(subscription_id, {"status": "active", "resume_from": start})

    def resume_all(self) -> None:
        """Resumes all that is paused, from its backlog."""
        for subscription_id in list(self.paused):
            self.resume(subscription_id, "backlog")

    def _patch(self, subscription_id: str, members: dict[str, Any]) -> None:
        self.insist(
            "registry",
            "PATCH /subscriptions/{id}",
            ADMIN,
            members,
            parameters={"id": subscription_id},
        )

    def give(self, service_id: str, event_types: list[str] | None) -> None:
        """Gives a service the types that it may receive; None takes them away again."""
        began, place = self.now, {"id": service_id}
        if event_types is None:
            self.insist("registry", "DELETE /subscribers/{id}", ADMIN, parameters=place)
        else:
            body = {"event_types": event_types}
            self.insist("registry", "PUT /subscribers/{id}", ADMIN, body, parameters=place)
        self.given.append(Given(service_id, event_types, began, self.now))

    def permitted(self, service_id: str, event_type: str, source: str, since: float) -> set[bool]:
        """Whether a service might receive a type at any time since a moment: all answers."""
        if service_id == source:
            return {True}
        default = Given(service_id, None, 0.0, 0.0)
        given = [default, *(each for each in self.given if each.service_id == service_id)]
        ends = [*(each.answered for each in given[1:]), float("inf")]
        return {
            _covers(each.event_types, event_type)
            for each, end in zip(given, ends, strict=True)
            if end > since
        }

    def delete(self, subscription_id: str) -> None:
        """Removes a subscription; what it is to receive is not certain any more."""
        self.unsettled.add(subscription_id)
        self.gone.add(subscription_id)
        self.paused.pop(subscription_id, None)
        self.insist(
            "registry", "DELETE /subscriptions/{id}", ADMIN, parameters={"id": subscription_id}
        )

    def dead_letters(self, **filters: str) -> list[dict[str, Any]]:
        """The dead letters of some filters."""
        _, answer = self.insist(
            "recovery", "GET /dead-letters", ADMIN, query={"limit": "100", **filters}
        )
        found: list[dict[str, Any]] = answer["items"]
        return found

    # Those who have an inbox.

    def subscribe_inbox(self, event_types: list[str], kind: str, **members: Any) -> str:
        """Registers a subscription that fetches its events, or that is pushed them.

        Returns:
            Its id.
        """
        return self._register(
            {
                "service_id": "worker",
                "event_types": event_types,
                "target": {"type": kind},
                **members,
            }
        )

    def connect(self, subscription_id: str) -> SocketClient:
        """Has a client follow a subscription over a WebSocket."""
        client = SocketClient(subscription_id, len(self.sockets))
        self.sockets.append(client)
        self.reconnect(client)
        return client

    def reconnect(self, client: SocketClient) -> None:
        """Has a client come again, until it follows."""
        for _ in range(20):
            client.reconnect()
            asked = {
                "action": "subscribe",
                "subscription_id": client.subscription_id,
                "cursor": str(client.last),
            }
            # Whoever is told of an error comes again.
            if self.say(client, asked) and client.following:
                return
            self.now += 1
        raise Violation(f"{client.connection_id} never follows")

    def say(self, client: SocketClient, message: dict[str, Any]) -> bool:
        """Sends what a client says; whether the bus took it."""
        context = {
            "eventType": "MESSAGE",
            "connectionId": client.connection_id,
            "authorizer": ADMIN.context(),
        }
        client.errors.clear()
        event = {"requestContext": context, "body": orjson.dumps(message).decode()}
        done, _ = self._call("socket", event)
        return done and not client.errors

    def pull(
        self,
        subscription_id: str,
        *,
        crash: bool = False,
        part: bool = False,
        careless: bool = False,
    ) -> bool:
        """Has a consumer take what is next, and acknowledge it.

        Args:
            subscription_id: Whose inbox.
            crash: Whether the consumer crashes before it acknowledges.
            part: Whether it acknowledges the first event alone.
            careless: Whether it also sends acknowledgements that must be refused.

        Returns:
            Whether there was anything.
        """
        if subscription_id in self.gone:
            return False
        path = {"id": subscription_id}
        status, taken = self.insist(
            "inbox", "GET /subscriptions/{id}/events", ADMIN, parameters=path, query={"limit": "3"}
        )
        if status == 409:
            # Somebody has a lease: a consumer that crashed, or whose answer was lost.
            self.now += 60
            return True
        if not taken["items"]:
            return False
        self._check_taken(subscription_id, [int(item["cursor"]) for item in taken["items"]])
        self.pulled.setdefault(subscription_id, []).extend(
            item["delivery_id"] for item in taken["items"]
        )
        if careless:
            self._acknowledge_carelessly(subscription_id, taken)
        if not crash:
            place = int(taken["items"][0]["cursor"] if part else taken["cursor"])
            if self._acknowledge_taken(subscription_id, taken["lease"], place) == 204:
                self.done[subscription_id] = place
        return True

    def _check_taken(self, subscription_id: str, places: list[int]) -> None:
        begun = self.done.get(subscription_id, 0)
        if places != list(range(begun + 1, begun + 1 + len(places))):
            raise Violation(f"{places} were taken of {subscription_id} behind {begun}")

    def _acknowledge_taken(self, subscription_id: str, lease: str, place: int) -> int:
        status, _ = self.insist(
            "inbox",
            "POST /subscriptions/{id}/ack",
            ADMIN,
            {"lease": lease, "cursor": str(place)},
            parameters={"id": subscription_id},
        )
        if status != 204 and not (status == 409 and self.spoiled):
            raise Violation(f"an acknowledgement was answered {status}")
        return status

    def _acknowledge_carelessly(self, subscription_id: str, taken: dict[str, Any]) -> None:
        begun, end = int(taken["items"][0]["cursor"]) - 1, int(taken["cursor"])
        for lease, place in (
            (taken["lease"], end + 1),
            (taken["lease"], begun),
            ("lease_of_nobody", end),
        ):
            status, _ = self.insist(
                "inbox",
                "POST /subscriptions/{id}/ack",
                ADMIN,
                {"lease": lease, "cursor": str(place)},
                parameters={"id": subscription_id},
            )
            if status not in (409, 422):
                raise Violation(f"an acknowledgement of {place} was answered {status}")

    def come_again(self) -> None:
        """Has all who have an inbox come once more, and stay until they have seen it to its end."""
        for client in self.sockets:
            if client.subscription_id not in self.gone:
                self.reconnect(client)
        self.settle()
        for subscription_id in sorted(self.pulled):
            while subscription_id not in self.gone and self.pull(subscription_id):
                pass

    # The subscribers: the world is the transport of the HTTP lane.

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """Each request carries one event."""
        return request.key

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """One attempt each, as the subscriber sees it."""
        return [self._deliver(each.key, each.event, each.subscription) for each in requests]

    def _deliver(self, key: DeliveryKey, event: Event, subscription: Subscription) -> Outcome:
        subscriber = self.subscribers[cast("HttpTarget", subscription.target).url]
        began = self.now
        self.now += subscriber.seconds
        self._check_attempt(key, event, subscription)
        self.hand_over()
        number = 1 + sum(each.key == key for each in subscriber.log)
        outcome = subscriber.answer(event, number)
        answered = True
        if outcome.delivered and subscriber.lies:
            subscriber.lies -= 1
            answered = False
        subscriber.log.append(Receipt(key, outcome.delivered, answered, began))
        return outcome if answered else Outcome("timeout", "no complete answer")

    def _check_permitted(self, event: Event, subscription: Subscription) -> None:
        since = times.seconds(event.created_at)
        if not self.happened["delayed"]:
            # What was routed before a type was taken away is handed over for a while.
            since = max(since, self.now - _HANDED_OVER_SECONDS)
        if self.permitted(subscription.service_id, event.type, event.source, since) == {False}:
            raise Violation(f"{event.id} is sent to {subscription.service_id}, who may not have it")

    def _check_attempt(self, key: DeliveryKey, event: Event, subscription: Subscription) -> None:
        self._check_permitted(event, subscription)
        paused_at = self.paused.get(subscription.id, self.now)
        if self.now - paused_at > _PAUSE_KNOWN_SECONDS and not self.happened["delayed"]:
            raise Violation(f"{key} is attempted, and its subscription is paused")
        status = self.status(key)
        if subscription.delivery_guarantee == "exactly_once" and status == "delivered":
            raise Violation(f"{key} is attempted after its success was recorded")
        if subscription.ordered and event.stream and key.replay_id is None:
            for earlier in self._earlier(event):
                status = self.status(DeliveryKey(earlier, subscription.id))
                if status is None and self.passed_over(earlier, subscription.id):
                    continue
                if self.matched(earlier, subscription.id) and status not in (
                    "delivered",
                    "exhausted",
                    "dropped",
                ):
                    raise Violation(f"{event.id} overtakes {earlier} on its way to {key}")

    def _earlier(self, event: Event) -> list[str]:
        return [
            item["event_id"]["S"]
            for item in self.tables.items["streams"].values()
            if event.stream
            and item["stream_id"]["S"] == event.stream.key
            and int(item["version"]["N"]) < event.metadata["stream_version"]
        ]

    # What is stored, read past the seam.

    def status(self, key: DeliveryKey) -> str | None:
        """Where a delivery stands, if it is recorded."""
        replay = f"#{key.replay_id}" if key.replay_id else ""
        item = self.tables.items["deliveries"].get((key.event_id, key.subscription_id + replay))
        return item["status"]["S"] if item else None

    def matched(self, event_id: str, subscription_id: str) -> bool:
        """Whether an event was routed to a subscription."""
        routing = self.tables.items["deliveries"].get((event_id, "#routing"))
        return routing is not None and subscription_id in orjson.loads(routing["matched"]["S"])

    def passed_over(self, event_id: str, subscription_id: str) -> bool:
        """Whether an event was held by a pause that its subscription went on without."""
        routing = self.tables.items["deliveries"].get((event_id, "#routing"))
        if routing is None or "held" not in routing:
            return False
        pause = orjson.loads(routing["held"]["S"]).get(subscription_id)
        skipped = self.skipped.get(subscription_id, 0)
        return pause is not None and (pause <= skipped or subscription_id in self.gone)

    # The course of things.

    def settle(self) -> None:
        """Lets everything take its course until nothing is left to do.

        Raises:
            Violation: There is no end of it.
        """
        for _ in range(_STEPS):
            if not self._step() and not self._later():
                return
        raise Violation(f"it does not settle: {self._left()}")

    def lose_stream(self) -> None:
        """Loses what the stream holds: it keeps its records for a day and no longer."""
        self._streamed = len(self.tables.records["events"])

    def run(self, steps: int) -> None:
        """Lets some things happen, if any are to."""
        for _ in range(steps):
            if not self._step():
                return

    def _step(self) -> bool:
        self._take_in_stream()
        choices: list[Callable[[], None]] = [
            partial(self._hand_stream, shard) for shard in self._shards if shard
        ]
        choices += [partial(self._hand_inbox, each) for each in self._pushes if each]
        choices += [partial(self._acknowledge, each) for each in self.sockets if _ready(each)]
        for url, function in _CONSUMERS.items():
            if self.queues.visible(url):
                choices.append(partial(self._hand_queue, url, function))
        if not choices:
            return False
        self.rng.choice(choices)()
        return True

    def _take_in_stream(self) -> None:
        records = self.tables.records["events"]
        for record in records[self._streamed :]:
            if record["eventName"] == "REMOVE":
                continue
            event_id = record["dynamodb"]["Keys"]["id"]["S"]
            self._shards[zlib.crc32(event_id.encode()) % _STREAM_SHARDS].append(([record], 0))
        self._streamed = len(records)
        for record in self.tables.records["inbox"][self._pushed :]:
            if record["eventName"] == "INSERT" and "pushed" in record["dynamodb"]["NewImage"]:
                subscription_id = record["dynamodb"]["Keys"]["subscription_id"]["S"]
                self._pushes[zlib.crc32(subscription_id.encode()) % 2].append(([record], 0))
        self._pushed = len(self.tables.records["inbox"])

    def _hand_inbox(self, shard: list[tuple[list[dict[str, Any]], int]]) -> None:
        batch, retries = shard.pop(0)
        while shard and retries == 0 and self.rng.random() < 0.5:
            batch = batch + shard.pop(0)[0]
        # What is given up after some retries is in the inbox for whoever comes again.
        done, _ = self._call("push", {"Records": batch})
        if not done and retries < _STREAM_RETRIES:
            self.now += 2
            shard.insert(0, (batch, retries + 1))

    def _acknowledge(self, client: SocketClient) -> None:
        message = {
            "action": "ack",
            "subscription_id": client.subscription_id,
            "cursor": str(client.last),
        }
        place = client.last
        if self.say(client, message):
            client.acknowledged = max(client.acknowledged, place)
        else:
            client.patience -= 1
            self.now += 2

    def _hand_stream(self, shard: list[tuple[list[dict[str, Any]], int]]) -> None:
        # A batch that failed comes again by halves, before what is behind it.
        batch, retries = shard.pop(0)
        while shard and shard[0][1] == 0 and retries == 0 and self.rng.random() < 0.7:
            batch = batch + shard.pop(0)[0]
        if self.invoke("route", {"Records": batch}) is not None:
            return
        if len(batch) > 1:
            middle = len(batch) // 2
            shard[:0] = [(batch[:middle], retries + 1), (batch[middle:], retries + 1)]
        elif retries < _STREAM_RETRIES:
            shard.insert(0, (batch, retries + 1))
        else:
            self._give_up(batch)

    def _give_up(self, batch: list[dict[str, Any]]) -> None:
        name = f"given-up-{len(self.objects)}"
        self.objects["failures", name] = orjson.dumps({"payload": {"Records": batch}})
        notice = {"detail": {"bucket": {"name": "failures"}, "object": {"key": name}}}
        self.queues.send("unroutable_queue", orjson.dumps(notice).decode())

    def _hand_queue(self, url: str, function: str) -> None:
        visible = self.queues.visible(url)
        self.rng.shuffle(visible)
        batch = visible[: self.rng.randint(1, 10)]
        records = [self.queues.hand_over(url, message) for message in batch]
        answer = self.invoke(function, {"Records": records})
        if answer is None:
            return
        kept = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        for message in batch:
            # At least once: now and then the queue forgets that a message was deleted.
            if message.id in kept:
                continue
            if self.rng.random() < self.forgetful:
                message.visible_at = self.now + self.rng.choice((0.0, 5.0, 400.0))
                if message.receives < 4:
                    continue
            self.queues.delete(url, message.id)

    def _later(self) -> bool:
        left = self._left()
        if not any(left.values()):
            return False
        moments = [
            message.visible_at for url in _CONSUMERS for message in self.queues.queues[url].messages
        ]
        moments += [
            times.seconds(item["due_at"]["S"])
            for item in self.tables.items["deliveries"].values()
            if "due_shard" in item
        ]
        moments = [
            max(each, self.now + _SWEEP_SECONDS) if each <= self.now else each for each in moments
        ]
        # What nothing will wake is found by the sweeper, in its time.
        self.now = max(self.now, min(moments, default=self.now + _DELAY_SECONDS)) + 0.01
        if self.now - self._swept >= _SWEEP_SECONDS:
            self._swept = self.now
            self.invoke("sweep", {})
        return True

    def _left(self) -> dict[str, int]:
        deliveries = self.tables.items["deliveries"]
        return {
            "messages": sum(len(self.queues.queues[url].messages) for url in _CONSUMERS),
            "waiting": sum("due_shard" in item for item in deliveries.values()),
            "unrouted": sum(
                (event_id, "#routing") not in deliveries
                for (event_id,) in self.tables.items["events"]
            ),
            "replays": sum(
                orjson.loads(item["document"]["S"])["state"] == "running"
                for item in self.tables.items["replays"].values()
            ),
        }


def _unsendable(url: str, body: str) -> bool:
    return url.endswith(("_lane", "_paced")) and f'"event_id":"{UNSENDABLE}' in body


def _ready(client: SocketClient) -> bool:
    """Whether a client has something to acknowledge."""
    return client.following and client.acknowledged < client.last and client.patience > 0


def _covers(patterns: list[str] | None, event_type: str) -> bool:
    # An independent and much simpler judgement: exact types, `*` and `domain.*`.
    return patterns is None or any(
        pattern in ("*", event_type)
        or (pattern.endswith(".*") and event_type.startswith(pattern.removesuffix("*")))
        for pattern in patterns
    )
