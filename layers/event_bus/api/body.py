"""The JSON body of a request: decompressed, and bounded."""

import zlib
from collections.abc import Mapping

from event_bus.errors import MalformedRequest, TooLarge, UnsupportedMediaType

MAX_BODY_BYTES = 4 * 1024 * 1024
"""The largest body of a request, decompressed: Lambda takes 6 MB, which is 4.5 MB before base64."""

BINARY_JSON = "application/vnd.event-bus+json"
"""A media type of JSON that API Gateway passes on as bytes, unlike `application/json`."""

_ENCODINGS = ("", "identity", "gzip", "x-gzip")
_GZIP = zlib.MAX_WBITS + 16
# No JSON text begins like this. Other bodies are read as they are, because a proxy may have
# decompressed them and left the header.
_MAGIC = b"\x1f\x8b"


def json_text(body: bytes | str, headers: Mapping[str, str]) -> bytes | str:
    """Returns the text of a JSON body.

    Args:
        body: The body; a string if its carrier decoded it.
        headers: The request's headers, with lower-case names.

    Returns:
        The decompressed body; as a string if it was one.

    Raises:
        UnsupportedMediaType: Its media type is not JSON, or its content coding is not gzip.
        TooLarge: It is over `MAX_BODY_BYTES`.
        MalformedRequest: It is empty, or it is not one whole gzip member although its content
            coding is gzip.
    """
    media_type = headers.get("content-type", "application/json").partition(";")[0]
    media_type = media_type.strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaType("Send the body as application/json.")
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        # RFC 9110, section 12.5.3: the answer says what is accepted.
        raise UnsupportedMediaType(
            "Send the body uncompressed, or compressed with gzip.",
            headers={"accept-encoding": "gzip"},
        )
    if "gzip" in encoding:
        body = _decompressed(body)
    if len(body.encode() if isinstance(body, str) else body) > MAX_BODY_BYTES:
        raise TooLarge(f"The body is over the limit of {MAX_BODY_BYTES} bytes.")
    if not body:
        raise MalformedRequest("The body is empty; JSON is expected.")
    return body


def _decompressed(body: bytes | str) -> bytes | str:
    if isinstance(body, str) and body.startswith("\x1f"):
        raise UnsupportedMediaType(
            "API Gateway treats application/json as text, which destroys gzip; send the body "
            f"uncompressed, or with the content-type {BINARY_JSON}."
        )
    if isinstance(body, str) or not body.startswith(_MAGIC):
        return body
    reader = zlib.decompressobj(wbits=_GZIP)
    try:
        # One byte above the limit shows that the body is too large; the rest is not decompressed.
        text = reader.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error:
        raise MalformedRequest("The body is not valid gzip.") from None
    if len(text) <= MAX_BODY_BYTES and (not reader.eof or reader.unused_data):
        raise MalformedRequest("The body is not one whole gzip member.")
    return text
