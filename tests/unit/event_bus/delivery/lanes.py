"""A lane with a target that does as a script says, and what it sent on."""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.courier import Courier, Received
from event_bus.delivery.lane import Lane
from event_bus.delivery.message import Message
from event_bus.delivery.ordered import OrderedCourier
from event_bus.delivery.outcome import Outcome, Parcel
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.model.delivery import Delivery, DeliveryKey
from event_bus.model.target import Target
from event_bus.registry.disabling import Disabler
from event_bus.routing.lanes import Lanes

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

    def together(self, parcel: Parcel) -> Hashable:
        return parcel.subscription.id if self.batches else parcel.key

    def deliver(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        self.meet()
        self.requests.append([parcel.key for parcel in parcels])
        self.targets.extend(parcel.subscription.target for parcel in parcels)
        return [self._answer(parcel.event.id) for parcel in parcels]

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
class Trial:
    """A lane, and all that it is tried with."""

    aws: Aws
    target: ScriptedTransport
    lane: Lane
    url: str
    now: list[float]

    def outcome(
        self, event_id: str = "evt_1", subscription_id: str = "sub_1", replay: str | None = None
    ) -> Delivery:
        found = self.aws.deliveries.get(DeliveryKey(event_id, subscription_id, replay))
        assert found
        return found

    def take(self, *messages: Message, receives: int = 1) -> list[str]:
        """Has the lane process messages."""
        return self.lane.process([received(each, receives) for each in messages])

    def sent(self) -> list[dict[str, Any]]:
        """What the lane sent on since the last time; delays count for nothing here."""
        return [orjson.loads(body) for body in self.aws.take(self.url)]


def received(carried: Message | str, receives: int = 1) -> Received:
    """A message as the queue hands it over; its id tells what it carries."""
    if isinstance(carried, str):
        return Received(f"m-{carried}", receives, carried)
    return Received(f"m-{carried.event_id}-{carried.attempt}", receives, carried.to_json())


@pytest.fixture
def trial(aws: Aws, executor: Executor) -> Trial:
    target, now, url = ScriptedTransport(), [1_000.0], aws.queue()
    courier = Courier(target, aws.events, aws.deliveries)
    return Trial(
        aws,
        target,
        Lane(
            courier=courier,
            ordered=OrderedCourier(courier, aws.streams, aws.cursors, RETENTION_DAYS),
            subscriptions=SubscriptionCache(aws.subscriptions, clock=lambda: now[0]),
            circuits=Circuits(aws.circuits, clock=lambda: now[0]),
            disabler=Disabler(aws.subscriptions, aws.events, RETENTION_DAYS),
            lanes=Lanes(aws.sqs, {"http": url}, executor),
            executor=executor,
        ),
        url,
        now,
    )
