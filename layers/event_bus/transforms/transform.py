"""A subscription's transform, and what it makes of an event."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import orjson

from event_bus import json_numbers
from event_bus.transforms import cloudevents
from event_bus.transforms.errors import InvalidTransform, TransformFailed
from event_bus.transforms.event_parts import EventParts
from event_bus.transforms.fields import Fields, check_attributes, check_headers, header_text
from event_bus.transforms.limits import MAX_ATTRIBUTES
from event_bus.transforms.template import Template

Format = Literal["event", "payload", "cloudevents"]
"""What stands around the payload."""

Mode = Literal["structured", "binary", "batched"]
"""How a CloudEvent is written."""

_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_TAKEN_BY_CLOUDEVENTS = 7


@dataclass(frozen=True, slots=True)
class InputTransformer:
    """An input transformer as EventBridge has it.

    Attributes:
        input_template: The template.
        input_paths_map: The JSON path of each variable.
    """

    input_template: str
    input_paths_map: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transform:
    """What a subscription makes of each event before it is sent.

    Attributes:
        format: What stands around the payload.
        mode: How a CloudEvent is written.
        expression: JSONata whose result is sent in place of the payload.
        template: A template that is sent in place of the payload.
        headers: Further headers over HTTP, static or from the event.
        attributes: Further message attributes over SQS and SNS, static or from the event.
    """

    format: Format = "event"
    mode: Mode = "structured"
    expression: str | None = None
    template: InputTransformer | None = None
    headers: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shaped:
    """What is sent of an event.

    Attributes:
        body: The body.
        content_type: Its media type.
        headers: Headers for HTTP beside it.
        attributes: Message attributes for SQS and SNS, the most important first.
        batched: Whether bodies for one target are sent together, as a JSON array.
    """

    body: bytes
    content_type: str = _JSON
    headers: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    batched: bool = False

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON."""
        return self.content_type != _TEXT

    def as_json(self) -> bytes:
        """The body as JSON: a text as a string."""
        return self.body if self.is_json else orjson.dumps(self.body.decode())


def check_transform(transform: Transform) -> None:
    """Refuses a transform that cannot be used.

    Raises:
        InvalidTransform: It cannot be used; the pointer leads into the transform.
    """
    if transform.expression is not None and transform.template is not None:
        raise InvalidTransform("/template", "must be left out where there is an expression")
    if transform.mode != "structured" and transform.format != "cloudevents":
        raise InvalidTransform("/mode", "must be left out where the format is not cloudevents")
    check_headers(transform.headers)
    check_attributes(
        transform.attributes,
        MAX_ATTRIBUTES - (_TAKEN_BY_CLOUDEVENTS if transform.mode == "binary" else 0),
    )
    Fields(transform.headers, "/headers")
    Fields(transform.attributes, "/attributes")
    if transform.template:
        _check_template(transform)
    if transform.expression is not None:
        _check_expression(transform.expression)


def shape(transform: Transform, parts: EventParts) -> Shaped:
    """What a transform makes of an event.

    Raises:
        TransformFailed: It makes nothing of it.
    """
    data, content_type = _data(transform, parts)
    headers = {
        name.lower(): header_text(value)
        for name, value in Fields(transform.headers, "").of(parts).items()
    }
    attributes = Fields(transform.attributes, "").of(parts)
    if transform.format == "event":
        return Shaped(json_numbers.dumps(parts.whole(data)), _JSON, headers, attributes)
    if transform.format == "payload":
        return Shaped(data, content_type, headers, attributes)
    context = cloudevents.attributes_of(parts, content_type.partition(";")[0])
    if transform.mode == "binary":
        return Shaped(
            data,
            content_type,
            {**cloudevents.header_values(context), **headers},
            cloudevents.message_attributes(context, attributes),
        )
    value = data if content_type == _JSON else orjson.dumps(data.decode())
    return Shaped(
        cloudevents.structured(context, value),
        cloudevents.MEDIA_TYPE,
        headers,
        attributes,
        batched=transform.mode == "batched",
    )


def _data(transform: Transform, parts: EventParts) -> tuple[bytes, str]:
    """What is sent in place of the payload, and its media type."""
    if transform.template:
        template = _compiled(
            tuple(transform.template.input_paths_map.items()), transform.template.input_template
        )
        return template.render(parts), _JSON if template.is_json else _TEXT
    if transform.expression is not None:
        return _evaluated(transform.expression, parts), _JSON
    return parts.payload, _JSON


def _evaluated(expression: str, parts: EventParts) -> bytes:
    # Loaded where an expression is met, and nowhere else.
    from event_bus.expressions.evaluator import ExpressionFailed, evaluate  # noqa: PLC0415

    bindings: Mapping[str, object] = {"event": parts.whole(), "enrichment": parts.enrichment}
    try:
        return evaluate(expression, orjson.Fragment(parts.payload), bindings)
    except ExpressionFailed as failure:
        raise TransformFailed(failure.detail) from None


@lru_cache(256)
def _compiled(paths: tuple[tuple[str, str], ...], text: str) -> Template:
    return Template(dict(paths), text)


def _check_template(transform: Transform) -> None:
    assert transform.template is not None  # noqa: S101
    try:
        template = Template(transform.template.input_paths_map, transform.template.input_template)
    except InvalidTransform as error:
        raise InvalidTransform(f"/template{error.pointer}", error.detail) from None
    if transform.format == "event" and not template.is_json:
        raise InvalidTransform(
            "/template/input_template", "must make JSON where the format is event"
        )


def _check_expression(expression: str) -> None:
    from event_bus.expressions.evaluator import InvalidExpression, check  # noqa: PLC0415

    try:
        check(expression)
    except InvalidExpression as error:
        raise InvalidTransform(
            "/expression", f"cannot be read at character {error.position}: {error.detail}"
        ) from None
