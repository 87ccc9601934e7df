"""Events as CloudEvents 1.0.2 (https://github.com/cloudevents/spec/tree/v1.0.2).

The service is the `source`, the event stream the `subject`. Metadata becomes extension attributes,
under names of lower-case letters and digits: `correlation_id` is `correlationid`.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any

import orjson

from event_bus.transforms.event_parts import EventParts

MEDIA_TYPE = "application/cloudevents+json"
"""The media type of one event in structured mode."""

BATCH_MEDIA_TYPE = "application/cloudevents-batch+json"
"""The media type of several events in one JSON array."""

ENRICHMENT = "enrichment"
"""The extension attribute with the parts of an enrichment, as JSON."""

_DEFINED = frozenset(
    {"specversion", "id", "source", "type", "subject", "time"}
    | {"datacontenttype", "dataschema", "data", "data_base64"}
)
_IN_MESSAGES = ("specversion", "id", "source", "type", "time", "subject")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]")
_LONGEST_NAME = 20
# The String type has no control characters and no noncharacters ("Type System").
_NOT_IN_STRINGS = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane + 0xFFFE) + chr(plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000))
    + "]"
)

# Such characters occur only in strings of JSON, where an escape can replace them.
_NOT_ASCII = re.compile(r"[^\x20-\x7e]")


def attributes_of(parts: EventParts, content_type: str) -> dict[str, Any]:
    """Returns the context attributes of an event.

    What the type system of CloudEvents cannot express is left out: a value with control characters,
    a name of more than 20 letters and digits, an integer of more than 32 bits.

    Args:
        parts: The event.
        content_type: The media type of its data.
    """
    event, metadata = parts.envelope, parts.envelope["metadata"]
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": event["id"],
        "source": event["source"],
        "type": event["type"],
        "time": event["timestamp"],
        "datacontenttype": content_type,
    }
    if parts.enrichment is not None:
        attributes[ENRICHMENT] = _NOT_ASCII.sub(_escaped, parts.enrichment.decode())
    stream_id = metadata.get("stream_id")
    if stream_id and not _NOT_IN_STRINGS.search(stream_id):
        attributes["subject"] = stream_id
    for name, value in metadata.items():
        extension = _NOT_IN_NAMES.sub("", name.lower())
        if (
            0 < len(extension) <= _LONGEST_NAME
            and extension not in _DEFINED
            and extension not in attributes
            and _is_attribute(value)
        ):
            attributes[extension] = value
    return attributes


def structured(attributes: Mapping[str, Any], data: bytes, *, binary: bool = False) -> bytes:
    """Returns an event in structured mode.

    Args:
        attributes: Its context attributes.
        data: Its data as JSON, or any bytes.
        binary: Whether the data are any bytes, which are encoded in base64.
    """
    if binary:
        return orjson.dumps({**attributes, "data_base64": base64.b64encode(data).decode()})
    return orjson.dumps({**attributes, "data": orjson.Fragment(data)})


def header_values(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Returns the headers of an event in binary mode over HTTP, `content-type` aside.

    Values are percent-encoded as the HTTP binding says (3.1.3.2): spaces, quotes, percent signs and
    everything except printable ASCII.
    """
    return {
        f"ce-{name}": "".join(map(_encoded, _text(value)))
        for name, value in attributes.items()
        if name != "datacontenttype"
    }


def message_attributes(
    attributes: Mapping[str, Any], further: Mapping[str, Any], encoding: Mapping[str, str]
) -> dict[str, Any]:
    """Returns the message attributes of an event in binary mode over SQS and SNS.

    No binding of CloudEvents covers them: the names are those of the HTTP binding, and the values
    are not encoded. A message has room for ten attributes, so the extensions come last.

    Args:
        attributes: The context attributes.
        further: The attributes that the subscription asks for.
        encoding: The attribute that names the encoding, if the data are bytes written as text.
    """
    texts = {
        f"ce-{name}": _text(value) for name, value in attributes.items() if name in _IN_MESSAGES
    }
    extensions = {
        f"ce-{name}": _text(value)
        for name, value in attributes.items()
        if name not in _IN_MESSAGES and name != "datacontenttype"
    }
    return {
        **texts,
        "content-type": attributes["datacontenttype"],
        **encoding,
        **further,
        **{name: value for name, value in extensions.items() if name not in further},
    }


def batch(events: list[bytes]) -> bytes:
    """Returns events in structured mode as one JSON array (batched content mode)."""
    return b"[" + b",".join(events) + b"]"


def _escaped(found: re.Match[str]) -> str:
    written = found[0].encode("utf-16-be")
    return "".join(f"\\u{written[at : at + 2].hex()}" for at in range(0, len(written), 2))


def _is_attribute(value: Any) -> bool:
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        return -(2**31) <= value < 2**31
    return isinstance(value, str) and bool(value) and not _NOT_IN_STRINGS.search(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _encoded(character: str) -> str:
    if "!" <= character <= "~" and character not in '"%':
        return character
    return "".join(f"%{byte:02X}" for byte in character.encode())
