"""Delivery to event buses of Amazon EventBridge."""

import re
from collections.abc import Sequence
from typing import Any, cast

from event_bus.model.outcome import Outcome
from event_bus.model.target import EventBridgeTarget
from event_bus.targets.aws import BatchTransport, Packed, TargetClients, refused
from event_bus.targets.transport import DeliveryRequest

_TRACE_ID = re.compile(r"[0-9a-f]{32}")


class EventBridgeTransport(BatchTransport):
    """Puts events on event buses, up to ten in a request."""

    def __init__(self) -> None:
        super().__init__(TargetClients("events"))

    def send(self, client: Any, batch: Sequence[Packed]) -> list[Outcome]:
        """Puts a batch on its event bus."""
        answer = client.put_events(Entries=[_entry(*each) for each in batch])
        return [
            refused(entry["ErrorCode"], entry.get("ErrorMessage", ""))
            if entry.get("ErrorCode")
            else Outcome()
            for entry in answer["Entries"]
        ]


def _entry(request: DeliveryRequest, text: str) -> dict[str, Any]:
    event = request.event
    entry = {
        # A lane carries its own protocol alone.
        "EventBusName": cast("EventBridgeTarget", request.subscription.target).event_bus,
        "Source": event.source,
        "DetailType": event.type,
        "Detail": text,
        "Time": event.timestamp,
    }
    trace_id = event.metadata.get("trace_id", "")
    if _TRACE_ID.fullmatch(trace_id):
        # A W3C trace id as X-Ray writes it
        # (https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html).
        entry["TraceHeader"] = f"Root=1-{trace_id[:8]}-{trace_id[8:]}"
    return entry
