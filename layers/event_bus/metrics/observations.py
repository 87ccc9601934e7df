"""The observations behind a change in the deliveries table."""

from collections.abc import Iterator

from event_bus import times
from event_bus.model.delivery import Delivery, Routing
from event_bus.model.metrics import SCHEMA_INVALID, Observation
from event_bus.stores.delivery_changes import DeliveryChange, RoutingChange
from event_bus.stores.levels import held, waiting


def observed(change: RoutingChange | DeliveryChange) -> Iterator[Observation]:
    """Yields what happened when a routing record or a delivery was written.

    A repeated request, a retry or a replay is observed if it changes something.

    Args:
        change: The change.
    """
    if isinstance(change, RoutingChange):
        # An event that is routed again was published before. Records of earlier releases, and
        # further parts of a record, have no source.
        routing = change.after
        if change.before is None and routing.source:
            yield Observation("published", routing.event_type, routing.source, change.at)
            if routing.schema_invalid:
                yield Observation(SCHEMA_INVALID, routing.event_type, routing.source, change.at)
        return
    before, after = change.before, change.after
    labels = after.event_type, after.service_id
    counted = before.attempts if before else 0
    for attempt in after.log:
        if attempt.number > counted and attempt.code is not None:
            yield Observation("failed", *labels, change.at)
    if after.status == "delivered" and (before is None or before.status != "delivered"):
        yield Observation("delivered", *labels, change.at, _latency(after))
    if after.dead_letter_id and (before is None or not before.dead_letter_id):
        yield Observation("dead_lettered", *labels, change.at)


def by_subscription(change: RoutingChange | DeliveryChange) -> Iterator[Observation]:
    """Yields what happened to the deliveries of a subscription.

    Args:
        change: The change.
    """
    if isinstance(change, DeliveryChange):
        subscription_id = change.after.key.subscription_id
        for each in observed(change):
            yield Observation(each.kind, subscription_id, each.service_id, each.at)


def levels_changed(change: RoutingChange | DeliveryChange) -> Iterator[tuple[str, int]]:
    """Yields the name of each level that a change moves, and by how much.

    Args:
        change: The change.
    """
    if isinstance(change, RoutingChange):
        for routing, sign in ((change.after, 1), (change.before, -1)):
            for subscription_id, pause in (routing.held if routing else {}).items():
                yield held(subscription_id, pause), sign
        if change.before:
            yield from _released_in_parts(change.before, change.after)
        return
    waits = change.after.status == "retrying"
    waited = change.before is not None and change.before.status == "retrying"
    if waits != waited:
        yield waiting(change.after.key.subscription_id), 1 if waits else -1


def _released_in_parts(before: Routing, after: Routing) -> Iterator[tuple[str, int]]:
    """Yields the levels of released subscriptions that a further part of the record names."""
    for subscription_id, pause in after.released.items():
        if subscription_id not in before.released and subscription_id not in before.held:
            yield held(subscription_id, pause), -1


def _latency(delivery: Delivery) -> float | None:
    """Returns the seconds from storing to delivery; None for a replay, whose event is old."""
    if not delivery.stored_at or not delivery.delivered_at or delivery.key.replay_id:
        return None
    return times.seconds(delivery.delivered_at) - times.seconds(delivery.stored_at)
