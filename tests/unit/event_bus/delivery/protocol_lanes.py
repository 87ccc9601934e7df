"""The three lanes of a protocol, each with the object that moves messages to the others."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, get_args

import pytest
from event_bus.access.receive_rights import HandoverRights
from event_bus.delivery.attempts import AttemptRunner
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.disabling import Disabler
from event_bus.delivery.hand_over import HandOver
from event_bus.delivery.lane import LaneRunner
from event_bus.delivery.pacing import Turns
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.model.pace import SLOW_SECONDS, Pace
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import LaneKind, Message
from event_bus.targets.answer_times import AnswerTimes

from tests.aws import Aws
from tests.builders import event, message
from tests.timed_transport import TimedTransport
from tests.unit.event_bus.delivery.lanes import ScriptedTransport, ordered_runner, queue_message

SHARE = 2


@dataclass
class ProtocolLanes:
    """The lanes of a protocol, and where their messages went."""

    aws: Aws
    target: ScriptedTransport
    fast: LaneRunner
    paced: LaneRunner
    slow: LaneRunner
    queues: dict[str, str]
    now: list[float]

    @classmethod
    def of(cls, aws: Aws, executor: Executor) -> "ProtocolLanes":
        target = ScriptedTransport()
        queues = {name: aws.queue() for name in ("http", "http_paced", "http_slow")}
        lanes, now = Lanes(aws.sqs, queues, executor), [1_000.0]
        main, paced, slow = (lane_of(aws, target, lanes, now, kind) for kind in get_args(LaneKind))
        return cls(aws, target, main, paced, slow, queues, now)

    def sent(self, lane: str) -> list[Message]:
        """The messages that were sent to a lane since the last call, with their delays."""
        return self.aws.sent_on(self.queues[lane])

    def pace(self, subscription_id: str = "sub_1") -> Pace:
        pace = self.aws.paces.get(subscription_id)
        assert pace
        return pace


@pytest.fixture
def lanes(aws: Aws, executor: Executor) -> ProtocolLanes:
    return ProtocolLanes.of(aws, executor)


@dataclass
class Most:
    """Makes each attempt last 0.1 s, and notes how many attempts overlap.

    Attributes:
        seen: The most that were in flight at once.
    """

    seen: int = 0
    _present: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> None:
        with self._lock:
            self._present += 1
            self.seen = max(self.seen, self._present)
        time.sleep(0.1)
        with self._lock:
            self._present -= 1


def lane_of(
    aws: Aws, target: ScriptedTransport, lanes: Lanes, now: list[float], kind: LaneKind
) -> LaneRunner:
    circuits = Circuits(aws.circuits, lambda: now[0])
    pacing: HandOver | Turns
    timed = TimedTransport(target, AnswerTimes(records=kind != "main"))
    if kind == "main":
        pacing = HandOver(circuits, aws.paces, aws.deliveries)
    else:
        pacing = Turns(circuits, aws.paces, aws.deliveries, timed.answers, SHARE, kind)
    timed.answers.slow = pacing.slow
    rights = HandoverRights(aws.rights_reader)
    runner = AttemptRunner(timed, aws.events, aws.claims, aws.deliveries, rights.permits, lanes)
    return LaneRunner(
        runner=runner,
        ordered=ordered_runner(aws, runner, rights),
        subscriptions=SubscriptionCache(aws.subscriptions),
        circuits=circuits,
        disabler=Disabler(aws.announced_changes),
        lanes=lanes,
        executor=ThreadPoolExecutor(10),
        pacing=pacing,
    )


def batch(*messages: Message, receives: int = 1) -> list[Any]:
    return [queue_message(each, receives) for each in messages]


def messages(to: Any, count: int, first: int = 0) -> list[Message]:
    return [message(event(f"evt_{each}"), to) for each in range(first, first + count)]


def until(check: Callable[[], bool]) -> None:
    end = time.monotonic() + SLOW_SECONDS + 5
    while not check():
        assert time.monotonic() < end
        time.sleep(0.05)
