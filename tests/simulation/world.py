"""A world in memory: the functions with simulated AWS, clients and subscribers.

It hands batches to the functions as Lambda's event sources do: SQS hands messages over in any
order, sometimes twice, and again after their visibility timeout; a stream keeps the order of each
item alone, retries a failed batch by halves, and gives up after some retries.
"""

import zlib
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any

import orjson
from event_bus import times
from event_bus.maintenance.stalled import OVERDUE_SECONDS
from event_bus.queues.replays import step_in

from tests.simulation.known import Violation
from tests.simulation.sockets import SimulatedSocketClient
from tests.simulation.sqs import SqsMessage
from tests.simulation.subscribers import Subscribers
from tests.simulation.surroundings import DELAY_SECONDS, STREAM_SHARDS, UNSENDABLE

_SWEEP_SECONDS = 60.0

_HALF_DAY_SECONDS = 43_200.0

_STREAM_RETRIES = 10

_CONSUMERS = {
    "http_lane": "deliver_http",
    "http_lane_redrive": "redrive",
    "http_paced_lane": "deliver_http_paced",
    "http_paced_lane_redrive": "redrive",
    "http_slow_lane": "deliver_http_slow",
    "http_slow_lane_redrive": "redrive",
    "inbox_lane": "deliver_inbox",
    "inbox_lane_redrive": "redrive",
    "enrich_lane": "enrich",
    "enrich_lane_redrive": "redrive",
    "unroutable_queue": "route",
    "replay_queue": "replay",
}

_STEPS = 40_000
_LONGEST_OUTAGE_STEPS = 2_000
"""After how many steps calls fail no longer. Each lost answer may send a message twice, so messages
of a stream whose calls fail for ever may become more and more.
"""


class World(Subscribers):
    """Everything outside of the code under test, and the course of events."""

    def settle(self) -> None:
        """Runs the world until nothing is left to do.

        Raises:
            Violation: The world does not settle.
        """
        for step in range(_STEPS):
            if step == _LONGEST_OUTAGE_STEPS:
                self.chaos = 0.0
            if not self._step() and not self._later():
                return
        raise Violation(f"it does not settle: {self._left()}")

    def lose_stream(self) -> None:
        """Loses the records of the stream, which it keeps for a day only."""
        self._streamed = len(self.tables.records["events"])

    def run(self, steps: int) -> None:
        """Runs some steps, if there are any."""
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
            self._shards[zlib.crc32(event_id.encode()) % STREAM_SHARDS].append(([record], 0))
        self._streamed = len(records)
        for record in self.tables.records["inbox"][self._pushed :]:
            if "pushed" in record["dynamodb"].get("NewImage", {}):
                subscription_id = record["dynamodb"]["Keys"]["subscription_id"]["S"]
                self._pushes[zlib.crc32(subscription_id.encode()) % 2].append(([record], 0))
        self._pushed = len(self.tables.records["inbox"])

    def _hand_inbox(self, shard: list[tuple[list[dict[str, Any]], int]]) -> None:
        batch, retries = shard.pop(0)
        while shard and retries == 0 and self.rng.random() < 0.5:
            batch = batch + shard.pop(0)[0]
        # Records that are given up after some retries stay in the inbox for the next client.
        done, _ = self._call("push", {"Records": batch})
        if not done and retries < _STREAM_RETRIES:
            self.now += 2
            shard.insert(0, (batch, retries + 1))

    def _acknowledge(self, client: SimulatedSocketClient) -> None:
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
        # A failed batch comes again in halves, before later records.
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
            # At least once: sometimes the queue forgets that a message was deleted.
            if message.id in kept:
                continue
            if self.rng.random() < self.forgetful:
                message.visible_at = self.now + self.rng.choice((0.0, 5.0, 400.0))
                if message.receives < 4:
                    continue
            self.queues.delete(url, message.id)

    def pass_time(self, seconds: float) -> None:
        """Runs the world for a long time, in which the sweeper runs at least twice a day."""
        end = self.now + seconds
        while self.now < end:
            while self._step():
                pass
            if not self._later(end, _HALF_DAY_SECONDS):
                self.now = end

    def _later(self, end: float = inf, longest: float = DELAY_SECONDS) -> bool:
        """Lets time pass until something is due; returns whether there is anything left to do.

        Args:
            end: When to stop, in Unix seconds.
            longest: How many seconds to wait if nothing has a time.
        """
        left = self._left()
        if not any(left.values()):
            return False
        moments = [message.visible_at for message in self._messages()]
        moments += [
            times.seconds(item["due_at"]["S"])
            for item in self.tables.items["deliveries"].values()
            if "due_shard" in item
        ]
        moments = [
            max(each, self.now + _SWEEP_SECONDS) if each <= self.now else each for each in moments
        ]
        # The sweeper finds whatever nothing else continues.
        # A message that waited for longer would count as lost.
        soonest = self.now if end == inf or left["messages"] else self.now + longest / 2
        self.now = min(max(soonest, min(moments, default=self.now + longest)) + 0.01, end)
        if self.now - self._swept >= _SWEEP_SECONDS:
            self._check_lost()
            self._swept = self.now
            self.invoke("sweep", {})
        return True

    def _check_lost(self) -> None:
        """Demands that no delivery or replay is left to the sweeper because its message was lost.

        Raises:
            Violation: A message was lost, though no call has failed.
        """
        if self.spoiled:
            return
        until = times.at(self.now)
        for key, item in self.tables.items["deliveries"].items():
            if "due_shard" not in item or item["due_at"]["S"] > until:
                continue
            if item["due_at"] == item["next_retry_at"] or key[0].startswith(UNSENDABLE):
                # It waits in the table, or its message was refused.
                continue
            if "stream_key" in item and item["attempts"]["N"] == "0":
                # It may wait for an earlier event of its stream, whose message continues it.
                continue
            if not any(key[0] in each.body for each in self._messages()):
                raise Violation(f"the message of {key} was lost")
        self._check_lost_replays()

    def _check_lost_replays(self) -> None:
        swept = times.at(self._swept - OVERDUE_SECONDS)
        sent = {step_in(each.body) for each in self.queues.queues["replay_queue"].messages}
        for item in self.tables.items["replays"].values():
            replay = orjson.loads(item["document"]["S"])
            if replay["state"] != "running":
                continue
            if {(replay["id"], ""), (replay["id"], replay["updated_at"])} & sent:
                continue
            # A pause stops these replays, and the resume continues them. Nothing does for a deleted
            # subscription, which is owed nothing.
            stopped = replay["pause"] or replay["catches_up"]
            owner = self._subscription(replay["subscription_id"])
            if stopped and (owner is None or owner["status"] == "paused"):
                continue
            # The sweeper continues backlogs before the last two. It has not met this one yet.
            if 0 < replay["pause"] < owner["pauses"] - 1 and item["moved_at"]["S"] >= swept:
                continue
            raise Violation(f"the message of {replay['id']} was lost")

    def _subscription(self, subscription_id: str) -> Any:
        """A stored subscription; None if it was deleted."""
        item = self.tables.items["subscriptions"].get((subscription_id,))
        return orjson.loads(item["document"]["S"]) if item else None

    def _messages(self) -> list[SqsMessage]:
        return [each for url in _CONSUMERS for each in self.queues.queues[url].messages]

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


def _ready(client: SimulatedSocketClient) -> bool:
    """Whether a client has something to acknowledge."""
    return client.following and client.acknowledged < client.last and client.patience > 0
