"""Sending messages to lanes, with a dead letter for each that SQS refuses."""

from collections.abc import Sequence

from event_bus.model.transitions import refused_by_queue
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message
from event_bus.stores.deliveries import DeliveryStore


def send_recorded(
    lanes: Lanes, deliveries: DeliveryStore, messages: Sequence[Message]
) -> list[Message]:
    """Sends messages that carry their events; records a dead letter for each that SQS refuses.

    Returns:
        The messages that were refused.
    """
    events = {each.event_id: each.event for each in messages}
    refused = lanes.send(messages)
    for each in refused:
        # A refused message comes back without its event.
        delivery = each.first_record(events[each.event_id])
        deliveries.record(refused_by_queue(delivery), each.attempt)
    return refused
