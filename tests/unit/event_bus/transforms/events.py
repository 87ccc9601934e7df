from typing import Any

import orjson
from event_bus.transforms.event_parts import EventParts


def parts_of(
    payload: dict[str, Any] | None = None, metadata: dict[str, Any] | None = None, **members: Any
) -> EventParts:
    envelope = {
        "id": "evt_1",
        "type": "order.placed",
        "source": "shop",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "metadata": metadata or {},
    }
    return EventParts(
        envelope={**envelope, **members},
        payload=orjson.dumps(payload if payload is not None else {"total": 250}),
        stored_at="2026-01-02T03:04:06.000Z",
        subscription_id="sub_1",
        subscription_name="Large orders",
    )
