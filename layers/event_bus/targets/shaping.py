"""Applies a subscription's transform to an event, just before its delivery."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from event_bus.aws_text import accepted
from event_bus.errors import EvaluatorNotStarted
from event_bus.log import logger, traces
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.target import Target
from event_bus.targets.envelope import envelope
from event_bus.targets.transport import DeliveryRequest, Transport
from event_bus.transforms.errors import InvalidTransform, TransformFailed
from event_bus.transforms.transform import Shaped

if TYPE_CHECKING:
    from event_bus.transforms.event_parts import EventParts

TRANSFORM_FAILED = "transform_failed"
"""The error code of a delivery whose transform has no result for the event."""

NOT_EVALUATED = "expression_not_evaluated"
"""The error code of a delivery whose transform or upcast the bus could not evaluate."""


def shaped(request: DeliveryRequest) -> Shaped | None:
    """Returns the event as it is sent; None if its subscription has no transform.

    Raises:
        TransformFailed: The transform has no result for the event.
        EvaluatorNotStarted: The expression of the transform could not be evaluated.
    """
    transform = request.subscription.transform
    if transform is None:
        return None
    # Only functions that shape an event load this module.
    from event_bus.transforms.shape import shape  # noqa: PLC0415

    try:
        made = shape(transform, event_parts(request))
    except InvalidTransform as error:
        # An earlier version of the bus stored it, with other rules.
        raise TransformFailed(f"{error.pointer}: {error.detail}") from None
    _check(made, request.subscription.target)
    return made


def not_evaluated(event: Event) -> Outcome:
    """Returns the outcome of an attempt after `EvaluatorNotStarted`: the next one may succeed."""
    logger.exception("expression not evaluated", **traces(event))
    return Outcome(NOT_EVALUATED, EvaluatorNotStarted.cause, unsent=True)


def event_parts(request: DeliveryRequest) -> "EventParts":
    """Returns the event as its transform sees it."""
    from event_bus.transforms.event_parts import EventParts  # noqa: PLC0415

    event, subscription = request.event, request.subscription
    shown = envelope(request.key, event)
    for name in ("payload", "payload_base64", "content_type"):
        shown.pop(name, None)
    return EventParts(
        envelope=shown,
        payload=event.payload or b"null",
        stored_at=event.created_at,
        subscription_id=subscription.id,
        subscription_name=subscription.name,
        content_type=event.content_type,
        enrichment=request.enrichment,
    )


def _check(made: Shaped, target: Target) -> None:
    """Refuses what AWS would refuse at each attempt."""
    if target.objects_only and (made.binary or made.body[:1] != b"{"):
        raise TransformFailed("the target takes JSON objects only, and the transform makes none")
    if target.attributes and not made.is_json:
        text = made.as_text()
        if not text or not accepted(text):
            raise TransformFailed(
                "the target takes no empty text and no control characters, and the transform makes "
                "such a text"
            )


@dataclass(frozen=True, slots=True)
class ShapingTransport:
    """Shapes events, and leaves the rest to another transport.

    An event for which a transform fails is not sent, and no attempt follows: the next one would
    fail in the same way. Requests without a transform are passed on unchanged.

    Attributes:
        transport: The protocol.
        opened: Whether payloads are opened, and brought to the wanted schema version, before they
            come here. If they are not, the transport that opens them shapes them too.
    """

    transport: Transport
    opened: bool = True

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """Returns the batch key of the protocol."""
        return self.transport.batch_key(request)

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Delivers what can be shaped or need not be; the rest fails.

        It fails for good, unless the bus could not evaluate the expression of a transform.
        """
        if all(request.subscription.transform is None for request in requests):
            return self.transport.deliver(requests)
        outcomes: dict[int, Outcome] = {}
        ready: dict[int, DeliveryRequest] = {}
        for place, request in enumerate(requests):
            if not self.opened and (
                request.event.sealed_key or request.subscription.schema_version
            ):
                ready[place] = request
                continue
            try:
                ready[place] = replace(request, shaped=shaped(request))
            except TransformFailed as failure:
                logger.warning(
                    "event not transformed",
                    **traces(request.event),
                    subscription_id=request.subscription.id,
                )
                outcomes[place] = Outcome(TRANSFORM_FAILED, failure.detail, unsendable=True)
            except EvaluatorNotStarted:
                outcomes[place] = not_evaluated(request.event)
        if ready:
            delivered = self.transport.deliver(list(ready.values()))
            outcomes.update(zip(ready, delivered, strict=True))
        return [outcomes[place] for place in range(len(requests))]
