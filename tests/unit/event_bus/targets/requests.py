"""Targets as clients ask for them, and requests to deliver to them."""

from typing import Any

import orjson
import pytest
from event_bus.errors import InvalidRequest
from event_bus.model.delivery import DeliveryKey
from event_bus.model.target import Target
from event_bus.requests.validation import read
from event_bus.targets.registry import TARGETS
from event_bus.targets.transport import DeliveryRequest

from tests.builders import event, subscription


def validated(**members: Any) -> Target:
    """The target that a client's members ask for."""
    found = TARGETS.request_of(members["type"])
    assert found
    return read(found, members).target()


def faults(**members: Any) -> list[str]:
    """The members of a target that are refused, by JSON pointer."""
    with pytest.raises(InvalidRequest) as refusal:
        validated(**members)
    return [fault.pointer for fault in refusal.value.faults]


def request(target: Target, subscription_id: str = "sub_1", **members: Any) -> DeliveryRequest:
    """A request to deliver one event to a target."""
    to = subscription(subscription_id, target=target)
    return DeliveryRequest(DeliveryKey("evt_1", to.id), event(**members), to)


def envelope_of(request: DeliveryRequest) -> Any:
    """The event of a request, as JSON has it."""
    return orjson.loads(orjson.dumps(request.event.envelope()))


def entry_beside_message(group: str, **attributes: str) -> dict[str, Any]:
    """What the entry of a batch for a FIFO queue or topic holds beside the message itself."""
    told = {"id": "evt_1", "type": "task.created", "source": "planner", **attributes}
    return {
        "Id": "0",
        "MessageGroupId": group,
        "MessageDeduplicationId": "evt_1",
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in told.items()
        },
    }
