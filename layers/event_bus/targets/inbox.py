"""Delivery to inboxes, from which subscribers fetch their events."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import cast

from botocore.exceptions import BotoCoreError, ClientError

from event_bus.log import logger
from event_bus.model.outcome import Outcome
from event_bus.model.target import InboxTarget
from event_bus.stores.inboxes import InboxStore
from event_bus.targets.transport import DeliveryRequest


@dataclass(frozen=True, slots=True)
class InboxTransport:
    """Puts events into the inboxes of their subscriptions.

    Attributes:
        inboxes: The inboxes.
    """

    inboxes: InboxStore

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """Those for one inbox."""
        return request.subscription.id

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Puts events into their inbox, all in one transaction; there they are delivered."""
        subscription_id = requests[0].subscription.id
        # A lane carries its own protocol alone.
        target = cast("InboxTarget", requests[0].subscription.target)
        until = min((request.until for request in requests if request.until), default=None)
        try:
            self.inboxes.append(
                subscription_id,
                [request.key for request in requests],
                pushed=target.pushed,
                until=until,
            )
        except (ClientError, BotoCoreError, TimeoutError):
            logger.exception("inbox not filled", subscription_id=subscription_id)
            failed = Outcome("inbox_not_filled", "the inbox could not take the event")
            return [failed] * len(requests)
        return [Outcome()] * len(requests)
