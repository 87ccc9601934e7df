"""A load of events while functions are killed repeatedly, and how each event ended."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import orjson

from tests.chaos.processes import FUNCTIONS, Killer
from tests.end_to_end.receiver import Receiver
from tests.end_to_end.world import World

NEEDED = set(FUNCTIONS) - {"LanesRedrive", "Replay"}
"""The functions that a chaos test kills. The others are killed only by chance: the first runs only
if a message was interrupted twice, the second only briefly."""

_PUBLISHERS = 3
_LONGEST_PAUSE_SECONDS = 1.5
_STREAMS = 4
_VISIBILITY_SECONDS = 4
_MAX_RECEIVES = 2
_LONGEST_SECONDS = 120.0
_CALM_SECONDS = 240.0
_INSIST_SECONDS = 180.0
_LANES = ("http_lane", "http_paced_lane", "http_slow_lane")
_QUEUES = (*_LANES, *(f"{lane}_redrive" for lane in _LANES), "unroutable_queue", "replay_queue")

_POLICY = {"schedule": [1, 1, 2, 2, 4, 4, 4, 4], "max_attempts": 40}
_GUARANTEES: dict[str, dict[str, Any]] = {
    "at_least_once": {},
    "ordered": {"ordered": True},
    "exactly_once": {"delivery_guarantee": "exactly_once"},
    "at_most_once": {"delivery_guarantee": "at_most_once"},
}


@dataclass(frozen=True)
class ChaosSubscription:
    """A subscription, and its subscriber."""

    id: str
    kind: str
    receiver: Receiver


@dataclass
class ChaosResult:
    """What became of the events of a chaos test.

    Attributes:
        accepted: Events whose publication was answered with success.
        refused_requests: Publications that failed and were made again.
        killed: Processes killed, by function.
        deliveries: Matches of an event and a subscription, replays included.
        delivered: Those that a subscriber acknowledged.
        dead_lettered: Those that ended as dead letters.
        dropped: Those at most once whose only attempt failed or was cut off.
        lost: Those of which nothing is known.
        duplicated: Requests beyond the first of a delivery, by kind of subscription; those that
            the subscriber itself refused before are none.
        out_of_order: Events that came before an earlier one of their stream.
        seconds: How long it took until everything had settled.
    """

    accepted: int = 0
    refused_requests: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    deliveries: int = 0
    delivered: int = 0
    dead_lettered: int = 0
    dropped: int = 0
    lost: list[str] = field(default_factory=list)
    duplicated: Counter[str] = field(default_factory=Counter)
    out_of_order: list[str] = field(default_factory=list)
    seconds: float = 0.0


class ChaosTest:
    """A load on a deployed bus.

    Attributes:
        world: The bus, and clients of it.
        domain: The domain of the events' types.
        publisher: The service that publishes and subscribes.
        subscribed: Its subscriptions, one of each kind.
        accepted: The ids of the events that were accepted.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.domain = world.name("chaos")
        self.publisher = world.publisher(f"{self.domain}.*")
        self.accepted: set[str] = set()
        self.refused = 0
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._replayable: set[str] = set()
        self._replay_id = ""
        self.subscribed = [self._subscribe(kind) for kind in _GUARANTEES]

    def _subscribe(self, kind: str) -> ChaosSubscription:
        def respond(_count: int) -> tuple[int, dict[str, str]]:
            # Now and then it is not well itself.
            return (500 if self._random.random() < 0.05 else 204), {}

        receiver = self.world.receiver(respond)
        made = self.publisher.subscribe(
            receiver, f"{self.domain}.*", retry_policy=_POLICY, **_GUARANTEES[kind]
        )
        return ChaosSubscription(made["id"], kind, receiver)

    def run(self, seconds: float, seed: int) -> ChaosResult:
        """Publishes and kills, then waits until nothing is under way.

        Args:
            seconds: For how long it publishes and kills at least. It goes on until each function
                was killed, for two minutes at most.
            seed: Decides how long each process lives.
        """
        began = time.monotonic()
        killer = Killer(self.world.bus.pid, seed)
        over = threading.Event()
        with _impatient_queues(self.world), ThreadPoolExecutor(_PUBLISHERS + 2) as executor:
            killer.start()
            done = [executor.submit(self._publish, number, over) for number in range(_PUBLISHERS)]
            done += [executor.submit(self._sweep, over), executor.submit(self._replay, seconds / 2)]
            try:
                time.sleep(seconds)
                while time.monotonic() < began + _LONGEST_SECONDS and not killer.has_killed(NEEDED):
                    time.sleep(0.5)
            finally:
                # Otherwise a test that is ended would wait for its publishers for ever.
                over.set()
                killer.stop()
            for each in done:
                each.result()
            records = self._calm()
        result = self._result(records)
        result.killed = killer.killed
        result.seconds = time.monotonic() - began
        return result

    def _publish(self, publisher: int, over: threading.Event) -> None:
        chance = random.Random(publisher)
        number = 0
        while not over.is_set():
            batch = []
            for _ in range(chance.randint(1, 10)):
                number += 1
                stream = {"stream_id": f"{self.domain}/{chance.randrange(_STREAMS)}"}
                batch.append(
                    {
                        "id": f"{self.domain}-{publisher}-{number}",
                        "type": f"{self.domain}.moved",
                        "payload": {"n": number},
                        "metadata": stream if chance.random() < 0.3 else {},
                    }
                )
            answer = self._insist(partial(self.publisher.http.post, "/events", json=batch))
            taken = {each["id"] for each in answer["results"]}
            with self._lock:
                self.accepted |= taken
            # Without a pause, the load would grow with the speed of the machine.
            over.wait(chance.uniform(0, _LONGEST_PAUSE_SECONDS))

    def _sweep(self, over: threading.Event) -> None:
        client = self.world.bus.client("lambda")
        while not over.wait(1):
            client.invoke(FunctionName=self.world.bus.resources["sweep_function"], Payload=b"{}")

    def _replay(self, after: float) -> None:
        # Half way through, to the first of the subscriptions.
        time.sleep(after)
        with self._lock:
            self._replayable = set(self.accepted)
        # With a key, a repeated request starts no second replay, and sends the first one's message
        # if a killed function had only stored it.
        replay = self._insist(
            partial(
                self.publisher.http.post,
                "/replays",
                headers={"idempotency-key": f"{self.domain}-replay"},
                json={
                    "from": "2020-01-01T00:00:00Z",
                    "source": self.publisher.service_id,
                    "subscription_id": self.subscribed[0].id,
                    "rate": 500,
                },
            )
        )
        self._replay_id = replay["id"]

    def _insist(self, request: Callable[[], httpx.Response]) -> Any:
        """Makes a request until it is answered, as a client does that wants it done."""
        end, answered = time.monotonic() + _INSIST_SECONDS, ""
        while time.monotonic() < end:
            try:
                answer = request()
            except httpx.TransportError as error:
                self.refused += 1
                answered = repr(error)
                continue
            answered = answer.text
            if answer.status_code == 409 and "retry-after" in answer.headers:
                # A killed function still holds the request's idempotency key.
                time.sleep(int(answer.headers["retry-after"]))
                continue
            if answer.status_code < 500 and not any(
                each["status"] >= 500 for each in answer.json().get("results", ())
            ):
                assert answer.status_code < 300, answer.text
                return answer.json()
            self.refused += 1
        raise AssertionError(f"no success within {_INSIST_SECONDS:g} s: {answered}")

    def _calm(self) -> list[dict[str, Any]]:
        """Waits until nothing moves any more.

        Returns:
            The records of all deliveries.
        """
        client = self.world.bus.client("lambda")
        end = time.monotonic() + _CALM_SECONDS
        while True:
            records = self._records()
            left = {
                "deliveries": sum(each["status"] in ("pending", "retrying") for each in records),
                "matches": len(self.accepted) * len(self.subscribed)
                - sum(not each["replay_id"] for each in records),
                "replays": self._replays_running(),
                "replayed": len(
                    self._replayable
                    - {each["event_id"] for each in records if each["replay_id"] == self._replay_id}
                ),
                **self._messages(),
            }
            if not any(left.values()):
                return records
            assert time.monotonic() < end, f"it does not come to rest: {left}"
            client.invoke(FunctionName=self.world.bus.resources["sweep_function"], Payload=b"{}")
            time.sleep(2)

    def _replays_running(self) -> int:
        answer = self.publisher.http.get("/replays").json()
        return sum(each["state"] == "running" for each in answer["items"])

    def _messages(self) -> dict[str, int]:
        """How many messages each queue holds that a function could receive, now or later.

        On the lane, others may have retries of their own. Of a function that was killed, a message
        may be left that stays invisible for minutes after the sweeper has done its work.
        """
        found = {}
        for name in _QUEUES[len(_LANES) :]:
            attributes: dict[Any, str] = self.world.bus.sqs.get_queue_attributes(
                QueueUrl=self.world.bus.resources[f"{name}_url"], AttributeNames=["All"]
            )["Attributes"]
            found[name] = sum(
                int(attributes[f"ApproximateNumberOfMessages{state}"]) for state in ("", "Delayed")
            )
        return found

    def _records(self) -> list[dict[str, Any]]:
        pages = self.world.bus.dynamodb.get_paginator("scan").paginate(
            TableName=self.world.bus.resources["deliveries_table"], ConsistentRead=True
        )
        return [
            {
                "event_id": item["event_id"]["S"],
                "subscription_id": item["subscription_id"]["S"].partition("#")[0],
                "replay_id": item["subscription_id"]["S"].partition("#")[2],
                "status": item["status"]["S"],
            }
            for page in pages
            for item in page["Items"]
            if "status" in item and item["event_id"]["S"].startswith(f"{self.domain}-")
        ]

    def _result(self, records: list[dict[str, Any]]) -> ChaosResult:
        result = ChaosResult(accepted=len(self.accepted), refused_requests=self.refused)
        status = {
            (each["event_id"], each["subscription_id"], each["replay_id"]): each["status"]
            for each in records
        }
        result.deliveries = len(status)
        counts = Counter(status.values())
        result.delivered = counts["delivered"]
        result.dead_lettered, result.dropped = counts["exhausted"], counts["dropped"]
        for subscribed in self.subscribed:
            taken = Counter(each.headers["webhook-id"] for each in subscribed.receiver.acknowledged)
            result.duplicated[subscribed.kind] = sum(taken.values()) - len(taken)
            for event_id in self.accepted:
                known = status.get((event_id, subscribed.id, ""))
                if known is None or (known == "delivered" and not taken[event_id]):
                    result.lost.append(f"{event_id} to {subscribed.kind}: {known}")
            if subscribed.kind == "ordered":
                result.out_of_order = _out_of_order(subscribed.receiver)
        result.lost += [
            f"the replay of {each}"
            for each in self._replayable
            if (each, self.subscribed[0].id, self._replay_id) not in status
        ]
        return result


def _out_of_order(receiver: Receiver) -> list[str]:
    # By what the subscriber took first: an earlier one may come again, as may any.
    last: Counter[str] = Counter()
    seen: set[str] = set()
    found = []
    for each in receiver.acknowledged:
        event = orjson.loads(each.body)
        stream = event["metadata"].get("stream_id")
        if stream and event["id"] not in seen:
            seen.add(event["id"])
            if event["metadata"]["stream_version"] < last[stream]:
                found.append(event["id"])
            last[stream] = max(last[stream], event["metadata"]["stream_version"])
    return found


@contextmanager
def _impatient_queues(world: World) -> Iterator[None]:
    """Has what a killed function held come again soon, and the lane give up after two times."""
    sqs = world.bus.sqs
    before: dict[str, Any] = {}
    for name in _QUEUES:
        url = world.bus.resources[f"{name}_url"]
        before[url] = sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["VisibilityTimeout", "RedrivePolicy"]
        )["Attributes"]
        changed: Any = {"VisibilityTimeout": str(_VISIBILITY_SECONDS)}
        if name in _LANES:
            policy = orjson.loads(before[url]["RedrivePolicy"])
            policy["maxReceiveCount"] = _MAX_RECEIVES
            changed["RedrivePolicy"] = orjson.dumps(policy).decode()
        sqs.set_queue_attributes(QueueUrl=url, Attributes=changed)
    try:
        yield
    finally:
        for url, attributes in before.items():
            sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
