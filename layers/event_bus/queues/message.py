"""Queue messages: each asks for one attempt to deliver an event to one subscription."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import orjson

from event_bus import json_numbers
from event_bus.aws_text import json_text
from event_bus.model.delivery import Delivery, DeliveryKey
from event_bus.model.event import Event
from event_bus.model.transitions import begun
from event_bus.stored import restored
from event_bus.stores.due_deliveries import DueDelivery

if TYPE_CHECKING:
    from event_bus.model.routing_rule import RoutingRule
    from event_bus.model.subscription import Subscription

ENRICH = "enrich"
"""The name of the lane on which events are enriched before they continue to their target's lane."""

LaneKind = Literal["main", "paced", "slow"]
"""Which of a protocol's lanes: the main one, that of new and limited subscriptions, or that of slow
ones. Only protocols whose subscribers may be slow have the last two."""

PACED_KINDS: tuple[LaneKind, ...] = ("paced", "slow")
"""The lanes that a protocol may have besides its main one."""


def lane_name(protocol: str, kind: LaneKind = "main") -> str:
    """Returns the name of a lane of a protocol."""
    return protocol if kind == "main" else f"{protocol}_{kind}"


def protocol_and_kind(lane: str) -> tuple[str, LaneKind]:
    """Returns the protocol of a lane, and which of the protocol's lanes it is."""
    for kind in PACED_KINDS:
        if lane.endswith(f"_{kind}"):
            return lane.removesuffix(f"_{kind}"), kind
    return lane, "main"


@dataclass(frozen=True, slots=True)
class Message:
    """An event on its way to a subscription.

    Attributes:
        event_id: The event.
        subscription_id: The subscription.
        service_id: The service that the subscription belongs to.
        subscription_version: The version of the subscription that the event matched.
        event: The event itself; None if it is read at delivery, as a large one always is.
        replay_id: The replay that it is part of, if it is.
        attempt: The number of the attempt that it asks for.
        round_start: The number of attempts before a person retried the delivery.
        protocol: The protocol, whose lane it travels on.
        recorded: Whether its delivery is recorded, although it asks for the first attempt.
        turn: When it has its turn under a rate limit or, without a limit, when it checks for a free
            slot again, in Unix seconds; None if it was given neither.
        turn_series: The series of turns to which its turn belongs; -1 if it only checks for a slot.
        enrichment: The parts that were added to the event, as a JSON object; None before its
            enrichment.
        times_held: How often in a row it was sent back because another function was delivering its
            stream, or because too many functions were waiting for slow sources.
        receives: How often it was received without a result, such as because its function crashed,
            before it was sent back. The queue counts anew for the message that is sent back.
        origin: The queue's identifier of the first message that was sent back as this one and may
            have recorded the delivery; empty if there is none.
        from_router: Whether the router sent it for an event of a stream, and no function has
            handled it. No other event of the stream relies on it.
        enriches: Whether it travels on the enrichment lane; not part of its text.
        lane_kind: Which of the protocol's lanes it travels on; not part of its text.
        delay: The seconds after which the queue hands it over; not part of its text.
    """

    event_id: str
    subscription_id: str
    service_id: str
    subscription_version: int
    event: Event | None = None
    replay_id: str | None = None
    attempt: int = 1
    round_start: int = 0
    protocol: str = "http"
    recorded: bool = False
    turn: float | None = None
    turn_series: int = 0
    enrichment: bytes | None = None
    times_held: int = 0
    receives: int = 0
    origin: str = ""
    from_router: bool = False
    enriches: bool = False
    lane_kind: LaneKind = "main"
    delay: int = 0

    @property
    def lane(self) -> str:
        """The name of the lane that it travels on."""
        if self.enriches:
            return ENRICH
        return lane_name(self.protocol, self.lane_kind)

    @property
    def key(self) -> DeliveryKey:
        """The delivery that it is about."""
        return DeliveryKey(self.event_id, self.subscription_id, self.replay_id)

    @property
    def is_first(self) -> bool:
        """Whether it asks for the first attempt, and no record was known when it was made.

        There may be one since then, or one of a former event with the same id.
        """
        return self.attempt == 1 and not self.recorded

    def first_record(self, event: Event | None) -> Delivery:
        """Returns the record of its delivery before any attempt.

        Args:
            event: The event, if it is known.
        """
        return begun(self.key, self.service_id, self.protocol, event, self.round_start)

    def to_json(self) -> str:
        """Returns the text of the message on its lane."""
        event = self.event
        inline = event is not None and event.inline
        return json_text(
            {
                "event_id": self.event_id,
                "subscription_id": self.subscription_id,
                "service_id": self.service_id,
                "subscription_version": self.subscription_version,
                "replay_id": self.replay_id,
                "attempt": self.attempt,
                "round_start": self.round_start,
                "protocol": self.protocol,
                "turn": self.turn,
                # Members without a value are left out: SQS charges for longer texts.
                **({"turn_series": self.turn_series} if self.turn_series else {}),
                **({"recorded": True} if self.recorded else {}),
                **({"times_held": self.times_held} if self.times_held else {}),
                **({"receives": self.receives} if self.receives else {}),
                **({"origin": self.origin} if self.origin else {}),
                **({"from_router": True} if self.from_router else {}),
                **(
                    {"enrichment": orjson.Fragment(self.enrichment)}
                    if self.enrichment is not None
                    else {}
                ),
                "event": {
                    **event.envelope(),
                    "payload_bytes": event.payload_bytes,
                    "created_at": event.created_at,
                    "digest": event.digest,
                    "sealed_key": event.sealed_key,
                    "sealed": event.sealed,
                    # An event without a schema does not get longer by this member.
                    **({"schema_version": event.schema_version} if event.schema_version else {}),
                }
                if event is not None and inline
                else None,
            }
        )


def from_json(text: str) -> Message:
    """Reads a message from its text on a lane."""
    members: dict[str, Any] = json_numbers.loads(text)
    if members["event"] is not None:
        event = members["event"]
        payload = event.pop("payload_base64", None) or event["payload"]
        members["event"] = restored(Event, {**event, "payload": json_numbers.dumps(payload)})
    if (enrichment := members.get("enrichment")) is not None:
        members["enrichment"] = json_numbers.dumps(enrichment)
    return restored(Message, members)


def first_message(event: Event, rule: "RoutingRule", replay_id: str | None = None) -> Message:
    """Returns the message that delivers an event to a subscription that it matched.

    Args:
        event: The event.
        rule: The routing rule of the subscription.
        replay_id: The replay that delivers it; None for the delivery that routing makes.
    """
    return Message(
        event.id,
        rule.id,
        rule.service_id,
        rule.version,
        event,
        replay_id=replay_id,
        protocol=rule.protocol,
        from_router=rule.ordered and replay_id is None and event.stream is not None,
        enriches=rule.enriched,
    )


def owed_message(event: Event, subscription: "Subscription", delay: int = 0) -> Message:
    """Returns the message that delivers an event from a backlog, or from a stream that catches up.

    Args:
        event: The event.
        subscription: The subscription.
        delay: The delay of the message, in seconds.
    """
    return Message(
        event.id,
        subscription.id,
        subscription.service_id,
        subscription.version,
        event,
        protocol=subscription.target.lane,
        enriches=subscription.enriched_first,
        delay=delay,
    )


def next_message(delivery: Delivery | DueDelivery) -> Message:
    """Returns the message that retries a recorded delivery."""
    return Message(
        event_id=delivery.key.event_id,
        subscription_id=delivery.key.subscription_id,
        service_id=delivery.service_id,
        subscription_version=0,
        replay_id=delivery.key.replay_id,
        attempt=delivery.attempts + 1,
        round_start=delivery.round_start,
        protocol=delivery.protocol,
        recorded=delivery.attempts == 0,
    )


def continuation(delivery: Delivery) -> Message:
    """Makes the message that continues an ordered stream after a delivery has ended."""
    # From the second attempt on, the record is read before anything else is done.
    return replace(next_message(delivery), attempt=max(2, delivery.attempts + 1))
