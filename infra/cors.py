"""The pages that may call the API from browsers."""

from collections.abc import Sequence
from typing import TypedDict

from event_bus.api.endpoint import READ_HEADERS, WRITTEN_HEADERS
from event_bus.api.operations.registry import OPERATIONS

_MAX_AGE_SECONDS = 3600


class Cors(TypedDict):
    """The CORS configuration of an HTTP API, as API Gateway names its members."""

    AllowOrigins: list[str]
    AllowMethods: list[str]
    AllowHeaders: list[str]
    ExposeHeaders: list[str]
    MaxAge: int


def cors(origins: Sequence[str]) -> Cors:
    """Returns the rules that let pages of some origins do all that keys permit, without cookies.

    Args:
        origins: The origins.
    """
    return Cors(
        AllowOrigins=list(origins),
        AllowMethods=sorted({method for route in OPERATIONS for method in route.methods}),
        AllowHeaders=list(READ_HEADERS),
        ExposeHeaders=list(WRITTEN_HEADERS),
        MaxAge=_MAX_AGE_SECONDS,
    )
