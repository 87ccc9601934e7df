"""Enrichments of subscriptions, as the API shows them."""

from typing import Annotated, Any, Literal, NotRequired

import orjson
from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from event_bus.model import enrichment
from event_bus.model.enrichment import Fallback


class StaticSource(TypedDict):
    """A value that is the same for each event.

    Attributes:
        type: The kind of source.
    """

    type: Literal["static"]
    value: Annotated[Any, Field(description="Any JSON.")]


class WithPolicy(TypedDict):
    """How a source is asked, and what to do if it fails."""

    timeout: Annotated[float, Field(description="The longest time of one try, in seconds.")]
    retries: Annotated[int, Field(description="Further tries after one that failed.")]
    fallback: Annotated[
        Fallback,
        Field(
            description="If a source has no result, `fail` fails the attempt, and `skip` "
            "delivers the event without the part."
        ),
    ]
    cache_seconds: Annotated[int, Field(description="How long a result is cached, in seconds.")]


class LookupSource(WithPolicy):
    """An entry of a context of the subscription's service.

    Attributes:
        type: The kind of source.
        context: The name of the context.
    """

    type: Literal["lookup"]
    context: str
    key: Annotated[str, Field(description="The JSON path to the entry's key in the event.")]


class LambdaSource(WithPolicy):
    """The result of a Lambda function that is invoked with the event.

    Attributes:
        type: The kind of source.
        role_arn: The role with which the bus reaches the function.
    """

    type: Literal["lambda"]
    function: Annotated[str, Field(description="The ARN of the function.")]
    key: NotRequired[
        Annotated[
            str,
            Field(
                description="The JSON path to the cache key: the value on which the result depends."
            ),
        ]
    ]
    role_arn: NotRequired[str]
    external_id: NotRequired[
        Annotated[
            str,
            Field(description="The `sts:ExternalId` that the role's trust policy must require."),
        ]
    ]


class HttpSource(WithPolicy):
    """The answer to a GET request.

    Attributes:
        type: The kind of source.
    """

    type: Literal["http"]
    url: Annotated[str, Field(description="The URL, with variables in braces.")]
    variables: Annotated[dict[str, str], Field(description="The JSON path of each variable.")]


EnrichmentSource = TypeAliasType(
    "EnrichmentSource",
    Annotated[StaticSource | LookupSource | LambdaSource | HttpSource, Field(discriminator="type")],
)

Enrichment = Annotated[
    dict[str, EnrichmentSource] | None,
    Field(description="What is added to each event, by the name of each part; null for nothing."),
]


def enrichment_document(asked: enrichment.Enrichment | None) -> dict[str, EnrichmentSource] | None:
    """Returns an enrichment in the form of a request, with the external ids of its roles."""
    if asked is None:
        return None
    return {name: _source(source) for name, source in asked.items()}


def _source(source: enrichment.Source) -> EnrichmentSource:
    if isinstance(source, enrichment.StaticSource):
        return {"type": "static", "value": orjson.Fragment(source.json)}
    policy: WithPolicy = {
        "timeout": source.timeout,
        "retries": source.retries,
        "fallback": source.fallback,
        "cache_seconds": source.cache_seconds,
    }
    if isinstance(source, enrichment.LookupSource):
        return {"type": "lookup", "context": source.context, "key": source.key, **policy}
    if isinstance(source, enrichment.HttpSource):
        return {"type": "http", "url": source.url, "variables": source.variables, **policy}
    assert isinstance(source, enrichment.LambdaSource)  # noqa: S101
    shown: LambdaSource = {
        "type": "lambda",
        "function": source.function,
        "timeout": source.timeout,
        "retries": source.retries,
        "fallback": source.fallback,
        "cache_seconds": source.cache_seconds,
    }
    if source.key:
        shown["key"] = source.key
    if source.role_arn:
        shown["role_arn"] = source.role_arn
    if source.external_id:
        shown["external_id"] = source.external_id
    return shown
