"""The event types of a bus as an AsyncAPI 3 document (https://www.asyncapi.com/docs/reference)."""

import copy
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import orjson

from event_bus.api.documents import bus_events
from event_bus.api.documents.events import DeliveredEvent
from event_bus.api.schemas import ref, schemas_of
from event_bus.model.bus_events import BUS_EVENT_TYPES
from event_bus.model.schemas import SchemaVersion
from event_bus.registry.event_types import EventType
from event_bus.schemas.structure import Schema, schemas_in

MAX_SCHEMA_BYTES = 3 * 1024 * 1024
"""The most bytes of all schemas of a document; further types are described without schemas."""

_ENVELOPE = {
    "id": {"type": "string", "description": "The event's identifier; one id is one event."},
    "type": {"type": "string"},
    "source": {"type": "string", "description": "The service that published it."},
    "timestamp": {"type": "string", "format": "date-time"},
    "metadata": {"type": "object"},
}


def asyncapi_document(
    types: Iterable[tuple[EventType, SchemaVersion | None]], api_url: str
) -> dict[str, Any]:
    """Returns the AsyncAPI document of event types.

    Args:
        types: The types, each with its latest schema.
        api_url: The URL of the API.
    """
    url = urlsplit(api_url)
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    size = 0
    for found, version in types:
        size += len(orjson.dumps(version.schema)) if version else 0
        # A function answers with 6 MB at most.
        shown = version if size <= MAX_SCHEMA_BYTES else None
        # A key has letters, digits, '-', '_' and dots, like a type.
        name = found.type
        messages[name] = _message(found, shown)
        channels[name] = _channel(name)
        operations[f"receive_{name}"] = _receive(name)
        operations[f"send_{name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "summary": f"Publish {name} by POST /events.",
            "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        }
    bus_channels, bus_messages, schemas = _of_the_bus()
    operations |= {f"receive_{name}": _receive(name) for name in bus_channels}
    channels |= bus_channels
    messages |= bus_messages
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Event types",
            "version": "1",
            "description": "Event types that the key may see, and the events of the bus itself.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "bus": {"host": url.netloc, "pathname": url.path or "/", "protocol": url.scheme}
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _channel(name: str) -> dict[str, Any]:
    return {
        "address": name,
        "servers": [{"$ref": "#/servers/bus"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }


def _receive(name: str) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{name}"},
        "summary": f"Receive {name} by a subscription.",
        "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
    }


def _of_the_bus() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Returns the channels, the messages and the schemas of the events that the bus publishes."""
    schema_of, schemas = schemas_of([DeliveredEvent, *bus_events.PAYLOADS])
    described = bus_events.event_schemas(schemas, schema_of)
    messages = {
        each.type: {
            "name": each.type,
            "title": each.type,
            "summary": each.summary,
            "contentType": "application/json",
            "payload": ref(bus_events.schema_name(each)),
        }
        for each in BUS_EVENT_TYPES
    }
    return {name: _channel(name) for name in messages}, messages, {**schemas, **described}


def _message(found: EventType, version: SchemaVersion | None) -> dict[str, Any]:
    message: dict[str, Any] = {
        "name": found.type,
        "title": found.type,
        "contentType": "application/json",
        "payload": {
            "type": "object",
            "required": [*_ENVELOPE, "payload"],
            "properties": {
                **_ENVELOPE,
                "type": {"const": found.type},
                "payload": _payload(version) if version else {"type": "object"},
            },
        },
    }
    if found.schemas and found.schemas.description:
        message["summary"] = found.schemas.description
    return message


def _payload(version: SchemaVersion) -> Schema:
    """Returns a schema with its references changed to its place in the document."""
    schema: Schema = copy.deepcopy(version.schema)
    place = f"#/components/messages/{version.type}/payload/properties/payload"
    for _, each in schemas_in(schema):
        if isinstance(each, dict):
            # References relative to an identifier of the schema would not be found.
            each.pop("$id", None)
            each.pop("$schema", None)
            if "$ref" in each:
                each["$ref"] = place + each["$ref"].removeprefix("#")
    return schema
