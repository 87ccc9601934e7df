"""Enrichment: the parts that the bus adds to each event of a subscription, in stored form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from event_bus.stored import restored

MAX_SOURCES = 4
"""The most sources of an enrichment."""

MAX_PART_BYTES = 16 * 1024
"""The largest part that one source adds, as JSON."""

MAX_SECONDS = 10.0
"""The longest time of all sources of an enrichment together, with retries, in seconds."""

Fallback = Literal["fail", "skip"]
"""What to do if a source fails: fail the attempt, or send the event without the part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where one part of an enrichment comes from.

    Attributes:
        type: The type by which clients name it.
        timeout: The longest time of one try, in seconds.
        retries: The number of further tries after a temporary failure.
        fallback: What to do if no try succeeds.
        cache_seconds: How long a result is cached, in seconds; 0 for no cache.
    """

    type: str
    timeout: float = 1.0
    retries: int = 1
    fallback: Fallback = "fail"
    cache_seconds: int = 0

    @property
    def seconds(self) -> float:
        """How long all tries may take."""
        return self.timeout * (1 + self.retries)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticSource(Source):
    """A value that is the same for each event.

    Attributes:
        json: The value, as compact JSON.
    """

    type: Literal["static"] = "static"
    json: str

    @property
    def seconds(self) -> float:
        """It takes no time."""
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupSource(Source):
    """An entry of a context of the subscription's service.

    Attributes:
        context: The name of the context.
        key: The JSON path that leads to the entry's key in the event.
    """

    type: Literal["lookup"] = "lookup"
    context: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaSource(Source):
    """The result of a Lambda function that is invoked with the event.

    Attributes:
        function: The function's ARN, with a version or alias if one is meant.
        key: The JSON path to the value that determines the result; None without a cache.
        role_arn: The role by which it is reached, if its owner named one.
        external_id: The external id with which the bus assumes that role.
    """

    type: Literal["lambda"] = "lambda"
    function: str
    key: str | None = None
    role_arn: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSource(Source):
    """The answer to a GET request.

    Attributes:
        url: The URL, with variables in braces.
        variables: The JSON path of each variable.
    """

    type: Literal["http"] = "http"
    url: str
    variables: dict[str, str] = field(default_factory=dict)


Enrichment = dict[str, Source]
"""The sources of an enrichment, by the names under which their parts are added."""

_TYPES: dict[str, type[Source]] = {
    "static": StaticSource,
    "lookup": LookupSource,
    "lambda": LambdaSource,
    "http": HttpSource,
}


def read_enrichment(members: Mapping[str, Mapping[str, Any]]) -> Enrichment:
    """Returns the enrichment that was stored as these members."""
    return {name: restored(_TYPES[source["type"]], source) for name, source in members.items()}


def external_parts(enrichment: Enrichment | None) -> list[str]:
    """Returns the names of the parts that code outside the bus answers: functions and URLs."""
    return [
        name
        for name, source in (enrichment or {}).items()
        if isinstance(source, LambdaSource | HttpSource)
    ]


def circuit_name(subscription_id: str, part: str) -> str:
    """Returns the name under which the circuit of a part's source is stored.

    Args:
        subscription_id: The subscription that the source belongs to.
        part: The name of the part.
    """
    return f"{subscription_id}#enrich#{part}"


def static_parts(enrichment: Enrichment) -> bytes:
    """Returns the parts for which no source is asked, as a JSON object."""
    return orjson.dumps(
        {
            name: orjson.Fragment(source.json)
            for name, source in enrichment.items()
            if isinstance(source, StaticSource)
        }
    )
