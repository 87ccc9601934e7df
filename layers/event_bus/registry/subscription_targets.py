"""The targets of subscriptions: opted in, verified, and provided by the bus where asked for."""

from dataclasses import dataclass, replace

from event_bus import times
from event_bus.callbacks.handshake import HANDSHAKE_SECONDS, Handshake, HandshakeRefused
from event_bus.errors import InvalidRequest
from event_bus.inbox.waiting import WaitingRoom
from event_bus.model.subscription import Subscription
from event_bus.model.target import Target
from event_bus.registry.managed_queues import ManagedQueues
from event_bus.registry.opt_ins import OptIns
from event_bus.registry.roles import as_named, with_external_id
from event_bus.targets.sqs import SqsTarget


@dataclass(frozen=True, slots=True)
class SubscriptionTargets:
    """Prepares targets before subscriptions use them, and cleans up after them.

    Attributes:
        opt_ins: Refuses targets whose owners have not opted them in.
        handshake: Asks callback URLs whether they want events.
        queues: Makes and removes managed queues.
        waiting: Limits the requests of a service that wait for the answer of a callback URL.
    """

    opt_ins: OptIns
    handshake: Handshake
    queues: ManagedQueues
    waiting: WaitingRoom

    def moved(self, subscription: Subscription, wanted: Target, pointer: str) -> Subscription:
        """Returns a subscription with another target of the same type.

        Args:
            subscription: The subscription.
            wanted: The target as the client names it.
            pointer: The JSON pointer of the target's type in the request.

        Returns:
            The subscription with the new target, or the same subscription if the target stays.

        Raises:
            InvalidRequest: The target has another type, one of the two is a managed queue, or the
                new one is not opted in.
        """
        target = subscription.target
        if wanted == as_named(target) or (is_managed(wanted) and is_managed(target)):
            return subscription
        if wanted.type != target.type:
            raise InvalidRequest.at(pointer, f"must stay a target of the type {target.type}")
        if is_managed(wanted) or is_managed(target):
            raise InvalidRequest.at("/target", "must not change from or to a managed queue")
        self.opt_ins.require(wanted)
        named = with_external_id(wanted, subscription.service_id, target)
        return replace(subscription, target=named, verified_at=None)

    def confirm(self, service_id: str, url: str | None) -> str:
        """Asks a callback URL whether it wants events.

        Args:
            service_id: The service whose subscription has it.
            url: The callback URL; None if the target has none.

        Returns:
            When it agreed, RFC 3339.

        Raises:
            InvalidRequest: It has not agreed, or the target is not a URL.
            TooManyRequests: Too many requests of the service are waiting.
        """
        if url is None:
            raise InvalidRequest.at("/verify", "must be left out if the target is not a URL")
        slot = self.waiting.slot(service_id, HANDSHAKE_SECONDS, "leave out verify")
        try:
            with slot():
                self.handshake.ask(url)
        except HandshakeRefused as refusal:
            detail = f"the endpoint did not confirm that it wants events: {refusal}"
            raise InvalidRequest.at("/verify", detail) from None
        return times.now()

    def provided(self, subscription: Subscription) -> Subscription:
        """Returns a subscription whose managed queue exists, if it has one.

        Raises:
            Conflict: A queue of the same name was removed a moment ago.
        """
        if not is_managed(subscription.target):
            return subscription
        queue = self.queues.make(subscription.id, fifo=subscription.ordered)
        return replace(subscription, target=queue)

    def discard(self, subscription: Subscription) -> None:
        """Removes the managed queue of a subscription, if it has one."""
        if is_managed(subscription.target):
            self.queues.remove(subscription.id, fifo=subscription.ordered)


def is_managed(target: Target) -> bool:
    """Returns whether a target is a queue that the bus provides."""
    return isinstance(target, SqsTarget) and target.managed
