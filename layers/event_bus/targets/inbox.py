"""Targets of the types `pull`, `sse` and `websocket`: inboxes, from which subscribers fetch."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, cast

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from event_bus.log import logger
from event_bus.model.outcome import Outcome
from event_bus.model.target import Target
from event_bus.targets.envelope import envelope
from event_bus.targets.target_type import Grants, TargetType
from event_bus.targets.transport import DeliveryRequest, Sent

if TYPE_CHECKING:
    from event_bus.stores.inboxes import InboxStore


@dataclass(frozen=True, slots=True)
class InboxTarget(Target):
    """An inbox, from which the subscriber fetches its events.

    Attributes:
        type: How it fetches: by pulling, as Server-Sent Events, or over a WebSocket. The first two
            are always possible; only inboxes of the type `websocket` are pushed.
    """

    type: Literal["pull", "sse", "websocket"]
    lane: ClassVar[str] = "inbox"

    @property
    def pushed(self) -> bool:
        """Whether events are pushed to those who are connected."""
        return self.type == "websocket"


@dataclass(frozen=True, slots=True)
class InboxTransport:
    """Puts events into the inboxes of their subscriptions.

    Attributes:
        inboxes: The inboxes.
    """

    inboxes: "InboxStore"

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """Returns the subscription's id: requests for its inbox are delivered together."""
        return request.subscription.id

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Puts events into their inbox, all in one transaction; there they are delivered."""
        subscription_id = requests[0].subscription.id
        # A lane delivers only to targets of its own type.
        target = cast("InboxTarget", requests[0].subscription.target)
        until = min((request.until for request in requests if request.until), default=None)
        try:
            self.inboxes.append(
                subscription_id,
                [request.key for request in requests],
                pushed=target.pushed,
                shaped=requests[0].subscription.transform is not None,
                until=until,
            )
        except (ClientError, BotoCoreError, TimeoutError):
            logger.exception("inbox not filled", subscription_id=subscription_id)
            failed = Outcome("inbox_not_filled", "the inbox could not take the event", unsent=True)
            return [failed] * len(requests)
        return [Outcome()] * len(requests)


def _sent(request: DeliveryRequest) -> Sent:
    made = request.shaped
    shown = (
        made.as_json()
        if made
        else orjson.dumps(envelope(request.key, request.event, request.enrichment))
    )
    return Sent(shown.decode())


TARGET = TargetType(
    name="Inbox",
    settings=InboxTarget,
    transport=lambda deployment: InboxTransport(deployment.inboxes()),
    grants=Grants(
        # An inbox stores no payloads; they are opened when it is read.
        payloads="passes",
        tables={"inbox": ("GetItem", "PutItem", "UpdateItem")},
    ),
    sent=_sent,
    members={},
)
