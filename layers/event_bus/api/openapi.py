"""The OpenAPI document as it is served."""

from functools import cache
from importlib.resources import files
from typing import Any

import orjson


@cache
def read_document() -> dict[str, Any]:
    """Returns the OpenAPI 3.1 document, which `event_bus.api.description` has written to a file."""
    document: dict[str, Any] = orjson.loads(
        files("event_bus.api").joinpath("openapi.json").read_bytes()
    )
    return document


def served_document(api_url: str) -> dict[str, Any]:
    """Returns the document, with the URL of the API."""
    return {**read_document(), "servers": [{"url": api_url}]}
