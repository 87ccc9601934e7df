"""The events of the bus itself, for the OpenAPI and the AsyncAPI document."""

from collections.abc import Mapping
from typing import Any

from event_bus.api.schemas import Schema, ref
from event_bus.model.bus_events import BUS_EVENT_TYPES, BusEventType
from event_bus.model.event import BUS_DOMAIN

PAYLOADS = tuple(dict.fromkeys(each.payload for each in BUS_EVENT_TYPES))
"""The payloads of all types."""

_OF_OTHER_PAYLOADS = ("content_type", "payload_base64")


def schema_name(event: BusEventType) -> str:
    """Returns the name of the schema of a type's events: `CircuitOpenedEvent`."""
    words = event.type.removeprefix(BUS_DOMAIN).replace(".", "_").split("_")
    return "".join(word.title() for word in words) + "Event"


def event_schemas(
    schemas: Mapping[str, Schema], schema_of: Mapping[Any, Schema]
) -> dict[str, Schema]:
    """Returns the schemas of the events that the bus publishes, by their names.

    Args:
        schemas: The named schemas, with that of a delivered event.
        schema_of: The schemas of the payloads.
    """
    delivered = schemas["DeliveredEvent"]
    members = {
        name: schema
        for name, schema in delivered["properties"].items()
        if name not in _OF_OTHER_PAYLOADS
    }
    return {
        schema_name(event): {
            "type": "object",
            "description": event.summary,
            "properties": {
                **members,
                "type": {"const": event.type, "description": event.summary},
                "source": {"const": BUS_DOMAIN, "description": "The bus itself."},
                "payload": schema_of[event.payload],
            },
            "required": [*delivered["required"], "payload"],
            "additionalProperties": False,
        }
        for event in BUS_EVENT_TYPES
    }


def webhooks(event_webhook: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the webhook of each type of event that the bus publishes.

    Args:
        event_webhook: The operation by which any event is received.
    """
    return {
        event.type: {
            "post": {
                **event_webhook,
                "operationId": f"receive{schema_name(event)}",
                "summary": event.summary,
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": ref(schema_name(event))}},
                },
            }
        }
        for event in BUS_EVENT_TYPES
    }
