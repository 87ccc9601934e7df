"""Payloads inside events: JSON as `payload`, and any other bytes in base64.

The bus keeps each payload as JSON. One that is not JSON is a JSON string there, which holds its
bytes in base64 (RFC 4648), and a media type beside it.
"""

import base64
import binascii
from typing import Any

import orjson


def decoded(text: str) -> bytes:
    """Returns the bytes of a text in base64.

    Raises:
        ValueError: It is not base64 as RFC 4648 demands: the standard alphabet, with padding,
            without line breaks, and with unused bits of zero.
    """
    try:
        found = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        found = b""
    # The decoder ignores the unused bits, so several texts would decode to the same bytes.
    if not found or base64.b64encode(found) != text.encode():
        raise ValueError(
            "must be base64 of at least one byte, with padding and without line breaks (RFC 4648)"
        )
    return found


def content_of(payload: bytes, content_type: str | None) -> bytes | None:
    """Returns the bytes of a payload that is not JSON; None if it is JSON, or sealed.

    Args:
        payload: The payload as the bus keeps it.
        content_type: Its media type; None for JSON.
    """
    if content_type is None or payload[:1] != b'"':
        return None
    return base64.b64decode(payload)


def members_of(payload: bytes | None, content_type: str | None) -> dict[str, Any]:
    """Returns the members of an event that hold its payload.

    Args:
        payload: The payload as the bus keeps it; None if it was not read.
        content_type: Its media type; None for JSON.
    """
    shown = None if payload is None else orjson.Fragment(payload)
    if content_type is None:
        return {"payload": shown}
    # A sealed part is shown as its marker, which is an object.
    name = "payload_base64" if payload is None or payload[:1] == b'"' else "payload"
    return {"content_type": content_type, name: shown}
