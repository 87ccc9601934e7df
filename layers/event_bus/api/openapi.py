"""The OpenAPI document as it is served."""

from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from event_bus.api.endpoint import Request
from event_bus.settings import settings


@cache
def read_document() -> dict[str, Any]:
    """The OpenAPI 3.1 document, made by `event_bus.api.description` and kept beside this file."""
    document: dict[str, Any] = orjson.loads(
        files("event_bus.api").joinpath("openapi.json").read_bytes()
    )
    return document


def served_document(request: Request) -> dict[str, Any]:
    """The document, with the URL of the API that was asked for it."""
    return {**read_document(), "servers": [{"url": _url(request)}]}


def _url(request: Request) -> str:
    context = request.event["requestContext"]
    if emulator := settings().emulator:
        # It answers under one host for all APIs, which functions know by another name.
        scheme = emulator.partition(":")[0]
        return f"{scheme}://{request.headers['host']}/_aws/execute-api/{context['apiId']}"
    # API Gateway's own, and no header of the client's: answers may be kept by others.
    return f"https://{context['domainName']}"
