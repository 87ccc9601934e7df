"""A registry of subscriptions, and what services send it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import Any

from event_bus.callbacks.client import CallbackClient
from event_bus.callbacks.handshake import Handshake
from event_bus.inbox.waiting import WaitingRoom
from event_bus.model.subscription import Subscription
from event_bus.queues.replays import ReplayQueue
from event_bus.registry.managed_queues import ManagedQueues
from event_bus.registry.opt_ins import OptIns
from event_bus.registry.subscription_requests import SubscriptionChange, SubscriptionRegistration
from event_bus.registry.subscription_targets import SubscriptionTargets
from event_bus.registry.subscriptions import SubscriptionRegistry
from event_bus.requests.validation import read
from event_bus.stores.subscriptions import SubscriptionStore
from event_bus.stores.transactions import Part
from event_bus.targets.http import HttpTarget
from event_bus.targets.registry import TARGETS

from tests.aws import Aws
from tests.builders import service

KEY = "a-key-that-was-chosen"
WORKER = service("worker")


def registration(**members: Any) -> SubscriptionRegistration:
    sent = {"event_types": ["task.*"], "callback_url": "https://worker.example/events", **members}
    return read(SubscriptionRegistration, sent)


def change(**members: Any) -> SubscriptionChange:
    return read(SubscriptionChange, members)


PREFIX = "eventbus-test-"


def managed(**members: Any) -> SubscriptionRegistration:
    target = {"type": "sqs", "managed": True}
    return read(SubscriptionRegistration, {"event_types": ["task.*"], "target": target, **members})


def with_key(key: str) -> dict[str, Any]:
    return {"authentication": {"type": "api_key", "api_key": key}}


class Owned:
    """A client of queues, some of them opted in."""

    def list_queue_tags(self, *, QueueUrl: str) -> Any:  # noqa: N803
        return {"Tags": {"event-bus-test": "target"}} if "open" in QueueUrl else {}


OWNED = Owned()


def registry_over(aws: Aws, store: SubscriptionStore, most: int = 100) -> SubscriptionRegistry:
    return SubscriptionRegistry(
        registrations=replace(aws.registrations, subscriptions=store),
        circuits=aws.circuits,
        inboxes=aws.inboxes,
        replay_queue=ReplayQueue(aws.sqs, aws.queue()),
        targets=SubscriptionTargets(
            OptIns("000000000000", "event-bus-test", [], lambda _: OWNED),
            Handshake(CallbackClient([ip_network("127.0.0.0/8")]), "bus.example"),
            ManagedQueues(aws.sqs, PREFIX, settling_seconds=0),
            WaitingRoom(aws.limits, 50),
        ),
        secrets=aws.signing_secrets,
        rights=aws.subscription_rights,
        most=most,
    )


@dataclass(frozen=True, slots=True)
class BusyStore(SubscriptionStore):
    """Has somebody else set one of these URLs just before each write."""

    urls: list[str] = field(default_factory=list)

    def _interfere(self, subscription_id: str) -> None:
        if not self.urls:
            return
        current = self.get(subscription_id)
        assert current
        SubscriptionStore.update(self, replace(current, target=HttpTarget(self.urls.pop(0))))

    def update(
        self,
        subscription: Subscription,
        further: Sequence[Part] = (),
        *,
        before: Subscription | None = None,
    ) -> Subscription:
        self._interfere(subscription.id)
        return SubscriptionStore.update(self, subscription, further, before=before)

    def delete(
        self, subscription: Subscription, further: Sequence[Part] = (), *, last: bool | None = None
    ) -> None:
        self._interfere(subscription.id)
        SubscriptionStore.delete(self, subscription, further, last=last)


def busy_registry(aws: Aws, *urls: str) -> SubscriptionRegistry:
    table, changes = aws.table("subscriptions"), aws.table("changes")
    return registry_over(aws, BusyStore(table, TARGETS, changes, list(urls)))
