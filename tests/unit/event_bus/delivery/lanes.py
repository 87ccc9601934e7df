"""A lane with a target that does as a script says, and what it sent on."""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import pytest
from event_bus.access.receive_rights import HandoverRights
from event_bus.delivery.attempts import AttemptRunner
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.disabling import Disabler
from event_bus.delivery.history import StreamHistory
from event_bus.delivery.lane import LaneRunner
from event_bus.delivery.live_stream import LiveStreams
from event_bus.delivery.ordered import OrderedRunner
from event_bus.delivery.queue_message import QueueMessage
from event_bus.delivery.replayed_stream import ReplayedStreams
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.model.delivery import Delivery, DeliveryKey
from event_bus.model.outcome import Outcome
from event_bus.model.subscription import Subscription
from event_bus.model.target import Target
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message
from event_bus.targets.transport import DeliveryRequest

from tests.aws import RETENTION_DAYS, Aws

REFUSED = Outcome("http_status", "the subscriber answered 500", status_code=500)


@dataclass
class ScriptedTransport:
    """Answers each event as the script says; what is not in it is delivered.

    Where it batches, the events of one subscription go together.
    """

    script: dict[str, Outcome | Exception] = field(default_factory=dict)
    meet: Callable[[], object] = lambda: None
    batches: bool = False
    requests: list[list[DeliveryKey]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    enrichments: list[bytes | None] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        return request.subscription.id if self.batches else request.key

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        self.meet()
        assert all(request.event.payload is not None for request in requests), "without payload"
        self.requests.append([request.key for request in requests])
        self.enrichments.extend(request.enrichment for request in requests)
        self.targets.extend(request.subscription.target for request in requests)
        self.subscriptions.extend(request.subscription for request in requests)
        return [self._answer(request.event.id) for request in requests]

    def _answer(self, event_id: str) -> Outcome:
        scripted = self.script.get(event_id, Outcome(status_code=204))
        if isinstance(scripted, Exception):
            raise scripted
        return scripted

    @property
    def attempted(self) -> list[DeliveryKey]:
        """What was attempted, in order."""
        return [key for request in self.requests for key in request]

    @property
    def events(self) -> list[str]:
        """The events whose delivery was attempted."""
        return [key.event_id for key in self.attempted]


@dataclass
class LaneRun:
    """A lane, and all that it is tried with."""

    aws: Aws
    target: ScriptedTransport
    lane: LaneRunner
    url: str
    now: list[float]

    def outcome(
        self, event_id: str = "evt_1", subscription_id: str = "sub_1", replay: str | None = None
    ) -> Delivery:
        found = self.aws.deliveries.get(DeliveryKey(event_id, subscription_id, replay))
        assert found
        return found

    def error(
        self, event_id: str = "evt_1", subscription_id: str = "sub_1", replay: str | None = None
    ) -> tuple[str, str]:
        """The code of the last error of a delivery, and what it says."""
        error = self.outcome(event_id, subscription_id, replay).last_error
        assert error
        return error.code, error.message

    def take(self, *messages: Message, receives: int = 1) -> list[str]:
        """Has the lane process messages."""
        return self.lane.process([queue_message(each, receives) for each in messages])

    def slowed_by(self, seconds: float) -> Callable[[], float]:
        """Has each request to the target take some seconds, by the clock that it returns."""
        passed = 0.0

        def take_long() -> None:
            nonlocal passed
            passed += seconds

        self.target.meet = take_long
        return lambda: passed

    def sent(self) -> list[Message]:
        """The messages that the lane sent since the last call, with their delays."""
        return self.aws.sent_on(self.url)


def queue_message(carried: Message | str, receives: int = 1) -> QueueMessage:
    """A message as the queue hands it over; its id tells what it carries."""
    if isinstance(carried, str):
        return QueueMessage(f"m-{carried}", receives, carried)
    return QueueMessage(f"m-{carried.event_id}-{carried.attempt}", receives, carried.to_json())


def ordered_runner(aws: Aws, runner: AttemptRunner, rights: HandoverRights) -> OrderedRunner:
    """Delivers streams as a lane does."""
    history = StreamHistory(rights.permits_late, aws.events.filtered_payload)
    return OrderedRunner(
        runner,
        aws.cursors,
        LiveStreams(runner, aws.routings, aws.streams, RETENTION_DAYS, history),
        ReplayedStreams(
            *(runner, aws.streams, history, aws.replays.get, rights.reader.of, RETENTION_DAYS)
        ),
    )


@pytest.fixture
def run(aws: Aws, executor: Executor) -> LaneRun:
    target, now, url = ScriptedTransport(), [1_000.0], aws.queue()
    rights = HandoverRights(aws.rights_reader)
    lanes = Lanes(aws.sqs, {"http": url}, executor)
    runner = AttemptRunner(target, aws.events, aws.claims, aws.deliveries, rights.permits, lanes)
    return LaneRun(
        aws,
        target,
        LaneRunner(
            runner=runner,
            ordered=ordered_runner(aws, runner, rights),
            subscriptions=SubscriptionCache(aws.subscriptions, clock=lambda: now[0]),
            circuits=Circuits(aws.circuits, clock=lambda: now[0]),
            disabler=Disabler(aws.announced_changes),
            lanes=lanes,
            executor=executor,
        ),
        url,
        now,
    )
