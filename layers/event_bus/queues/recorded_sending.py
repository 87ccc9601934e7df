"""Sends messages to lanes, and records a dead letter for each that SQS refuses."""

from collections.abc import Mapping, Sequence

from event_bus.model.event import Event
from event_bus.model.transitions import refused_by_queue
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message
from event_bus.stores.deliveries import DeliveryStore


def send_recorded(
    lanes: Lanes,
    deliveries: DeliveryStore,
    messages: Sequence[Message],
    events: Mapping[str, Event] | None = None,
) -> list[Message]:
    """Sends messages; the delivery of a refused message ends as a dead letter.

    So its subscriber sees it, and may retry it.

    Args:
        lanes: Where messages are sent.
        deliveries: Where a delivery is recorded whose message is refused.
        messages: The messages.
        events: The events of the messages, by id; those that the messages carry if left out.

    Returns:
        The messages that were refused.

    Raises:
        NotSent: A queue did not take messages that it does not refuse.
    """
    carried = {each.event_id: each.event for each in messages}
    refused = lanes.send(messages)
    for each in refused:
        # A refused message comes back without its event.
        event = events[each.event_id] if events is not None else carried[each.event_id]
        stored = deliveries.get_many([each.key] if each.recorded or each.attempt > 1 else [])
        record = stored.get(each.key, each.first_record(event))
        deliveries.record(refused_by_queue(record), each.attempt)
    return refused
