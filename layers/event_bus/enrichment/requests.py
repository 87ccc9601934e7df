"""Reads enrichments from requests, and refuses invalid ones."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from typing_extensions import TypeAliasType

from event_bus import json_numbers
from event_bus.callbacks.urls import CallbackRules
from event_bus.enrichment.http import VARIABLE
from event_bus.errors import InvalidRequest, pointer
from event_bus.model.enrichment import (
    MAX_PART_BYTES,
    MAX_SECONDS,
    MAX_SOURCES,
    Enrichment,
    Fallback,
    HttpSource,
    LambdaSource,
    LookupSource,
    Source,
    StaticSource,
)
from event_bus.model.names import refuse_control_characters
from event_bus.requests.contexts import ContextName
from event_bus.requests.validation import RequestModel, checked, spelled
from event_bus.settings import settings
from event_bus.targets.lambda_function import FUNCTIONS
from event_bus.targets.requests.target_request import RoleArn
from event_bus.transforms.json_paths import JsonPath

MAX_CACHE_SECONDS = 3_600
"""The longest time for which a result is cached, in seconds."""

MAX_VARIABLES = 10
"""The most variables of a URL."""

_SHOWN_ONLY = "external_id"

PartName = Annotated[
    str,
    spelled(
        r"^[a-z][a-z0-9_]{0,31}$",
        "1 to 32 lower-case letters, digits and '_', beginning with a letter",
    ),
]
"""The name of a part in the member `enrichment`."""

_Path = Annotated[
    str, AfterValidator(checked(refuse_control_characters)), AfterValidator(checked(JsonPath))
]


def _check_part(value: Any) -> None:
    if len(json_numbers.dumps(value)) > MAX_PART_BYTES:
        raise ValueError(f"must have at most {MAX_PART_BYTES} bytes as compact JSON")


def _check_url(url: str) -> None:
    plain = VARIABLE.sub("x", url)
    if "{" in plain or "}" in plain:
        raise ValueError("must name its variables in braces: {order_id}")
    own = settings()
    CallbackRules(own.own_host, own.callback_networks, local=own.local).check(plain)
    # The owner of the subscription fixes the host; no event may change it.
    host = url.partition("://")[2].partition("/")[0].partition("?")[0]
    if "{" in host:
        raise ValueError("must have its variables after the host")


class _WithPolicy(RequestModel):
    """How a source is asked, and what to do if it fails.

    Attributes:
        timeout: The longest time of one try, in seconds.
        retries: Further tries after one that failed.
        fallback: If a source has no result, `fail` fails the attempt, and `skip` delivers the event
            without the part.
        cache_seconds: How long a result is cached, in seconds.
    """

    timeout: Annotated[float, Field(ge=0.1, le=5)] = 1.0
    retries: Annotated[int, Field(ge=0, le=3)] = 1
    fallback: Fallback = "fail"
    cache_seconds: Annotated[int, Field(ge=0, le=MAX_CACHE_SECONDS)] = 0

    @property
    def policy(self) -> dict[str, Any]:
        """The members of every source except static ones."""
        return {name: getattr(self, name) for name in _WithPolicy.model_fields}


class StaticSourceRequest(RequestModel):
    """A value that is the same for each event.

    Attributes:
        type: The kind of source.
        value: Any JSON, at most 16 KiB as compact JSON.
    """

    type: Literal["static"]
    value: Annotated[Any, AfterValidator(checked(_check_part))]

    def source(self) -> Source:
        """Returns the source."""
        return StaticSource(json=json_numbers.dumps(self.value).decode())


class LookupSourceRequest(_WithPolicy):
    """An entry of a context of the subscription's service.

    Attributes:
        type: The kind of source.
        context: The name of the context.
        key: The JSON path to the entry's key in the event.
    """

    type: Literal["lookup"]
    context: ContextName
    key: _Path

    def source(self) -> Source:
        """Returns the source."""
        return LookupSource(context=self.context, key=self.key, **self.policy)


class LambdaSourceRequest(_WithPolicy):
    """The result of a Lambda function that is invoked with the event.

    Attributes:
        type: The kind of source.
        function: The ARN of the function.
        key: The JSON path to the cache key: the value on which the result depends. Required if
            results are cached.
        role_arn: The role with which the bus reaches the function.
    """

    type: Literal["lambda"]
    function: Annotated[str, AfterValidator(checked(FUNCTIONS.check))]
    key: _Path | None = None
    role_arn: RoleArn | None = None

    def source(self) -> Source:
        """Returns the source.

        Raises:
            InvalidRequest: Results are cached, but there is no key to tell them apart.
        """
        if self.cache_seconds and self.key is None:
            raise InvalidRequest.at("/key", "is required if results are cached")
        return LambdaSource(
            function=self.function, key=self.key, role_arn=self.role_arn, **self.policy
        )


class HttpSourceRequest(_WithPolicy):
    """The answer to a GET request.

    Attributes:
        type: The kind of source.
        url: The URL, with variables in braces after the host.
        variables: The JSON path of each variable.
    """

    type: Literal["http"]
    url: Annotated[str, AfterValidator(checked(_check_url))]
    variables: Annotated[dict[str, _Path], Field(max_length=MAX_VARIABLES)] = Field(
        default_factory=dict
    )

    def source(self) -> Source:
        """Returns the source.

        Raises:
            InvalidRequest: The variables of the URL differ from those in `variables`.
        """
        named = set(VARIABLE.findall(self.url))
        for name in sorted(self.variables.keys() - named):
            raise InvalidRequest.at(pointer(["variables", name]), "is not in the URL")
        for name in sorted(named - self.variables.keys()):
            raise InvalidRequest.at("/variables", f"must have the variable {name} of the URL")
        return HttpSource(url=self.url, variables=self.variables, **self.policy)


EnrichmentSourceRequest = TypeAliasType(
    "EnrichmentSourceRequest",
    Annotated[
        StaticSourceRequest | LookupSourceRequest | LambdaSourceRequest | HttpSourceRequest,
        Field(discriminator="type"),
    ],
)
"""A source of any type, as a client sends it."""

EnrichmentRequest = Annotated[
    dict[PartName, EnrichmentSourceRequest], Field(min_length=1, max_length=MAX_SOURCES)
]
"""The sources of an enrichment, by the names under which their parts are added."""


def enrichment_of(request: Mapping[str, EnrichmentSourceRequest]) -> Enrichment:
    """Reads the enrichment in a request.

    Raises:
        InvalidRequest: It is invalid; a JSON pointer names the fault.
    """
    enrichment: Enrichment = {}
    for name, asked in request.items():
        try:
            enrichment[name] = asked.source()
        except InvalidRequest as refusal:
            fault = refusal.faults[0]
            at = f"/enrichment/{name}{fault.pointer}"
            raise InvalidRequest.at(at, fault.detail) from None
    seconds = sum(source.seconds for source in enrichment.values())
    if seconds > MAX_SECONDS:
        raise InvalidRequest.at(
            "/enrichment",
            f"must take at most {MAX_SECONDS:g} s in all, and may take {seconds:g} s: each source "
            "its timeout for each try",
        )
    return enrichment


def check_enrichment_fits(enrichment: Enrichment | None, lane: str) -> None:
    """Refuses an enrichment that a target cannot have.

    Args:
        enrichment: The enrichment, if there is one.
        lane: The lane of the target.

    Raises:
        InvalidRequest: The target is an inbox.
    """
    if enrichment and lane == "inbox":
        raise InvalidRequest.at(
            "/enrichment",
            "must be left out if the target is pull, sse or websocket: an inbox keeps no copies "
            "of events that could be enriched",
        )


def without_shown_sources(enrichment: Any) -> Any:
    """Removes members that answers add to sources, so that a client may send an answer back."""
    if not isinstance(enrichment, dict):
        return enrichment
    return {
        name: {member: value for member, value in source.items() if member != _SHOWN_ONLY}
        if isinstance(source, dict)
        else source
        for name, source in enrichment.items()
    }
