"""Shaping events: checks transforms at registration, and applies them at delivery."""

from functools import lru_cache

import orjson

from event_bus import json_numbers
from event_bus.transforms import cloudevents
from event_bus.transforms.errors import InvalidTransform, TransformFailed
from event_bus.transforms.event_parts import EventParts
from event_bus.transforms.fields import Fields, check_attributes, check_headers, header_text
from event_bus.transforms.limits import MAX_ATTRIBUTES, MAX_SENT_CHARACTERS
from event_bus.transforms.template import Template
from event_bus.transforms.transform import JSON, TEXT, Shaped, Transform

_TAKEN_BY_CLOUDEVENTS = 7
"""The message attributes that a CloudEvent in binary mode needs, if its payload is JSON."""

# Messages of SQS and SNS are texts. The field is that of MIME (RFC 2045, 6).
_IN_BASE64 = {"content-transfer-encoding": "base64"}


def check_transform(transform: Transform) -> None:
    """Refuses a transform that cannot be used.

    Raises:
        InvalidTransform: It cannot be used; the pointer leads into the transform.
    """
    if transform.expression is not None and transform.template is not None:
        raise InvalidTransform("/template", "must be left out with expression")
    if transform.mode != "structured" and transform.format != "cloudevents":
        raise InvalidTransform("/mode", "must be left out if the format is not cloudevents")
    check_headers(transform.headers)
    check_attributes(
        transform.attributes,
        MAX_ATTRIBUTES - (_TAKEN_BY_CLOUDEVENTS if transform.mode == "binary" else 0),
    )
    # These refuse paths that cannot be read.
    Fields(transform.headers, "/headers")
    Fields(transform.attributes, "/attributes")
    if transform.template:
        _check_template(transform)
    if transform.expression is not None:
        _check_expression(transform.expression)


def shape(transform: Transform, parts: EventParts) -> Shaped:
    """Returns an event as a transform shapes it.

    Raises:
        TransformFailed: The transform has no result for it.
    """
    data, content_type, binary = _data(transform, parts)
    headers = {
        name.lower(): header_text(value)
        for name, value in Fields(transform.headers, "").of(parts).items()
    }
    attributes = Fields(transform.attributes, "").of(parts)
    if transform.format == "event":
        whole = parts.whole(None if binary else data)
        return Shaped(json_numbers.dumps(whole), JSON, headers, attributes)
    if transform.format == "payload":
        if binary:
            attributes = {"content-type": content_type, **_IN_BASE64, **attributes}
        return Shaped(data, content_type, headers, attributes, binary=binary)
    context = cloudevents.attributes_of(
        parts, content_type if binary else content_type.partition(";")[0]
    )
    if transform.mode == "binary":
        if len(context.get(cloudevents.ENRICHMENT, "")) > MAX_SENT_CHARACTERS:
            raise TransformFailed(
                f"the enrichment has more than {MAX_SENT_CHARACTERS} characters, which no header "
                "takes: use the structured mode, or an expression"
            )
        return Shaped(
            data,
            content_type,
            {**cloudevents.header_values(context), **headers},
            cloudevents.message_attributes(context, attributes, _IN_BASE64 if binary else {}),
            bus_attributes=False,
            binary=binary,
        )
    if not binary and content_type != JSON:
        data = orjson.dumps(data.decode())
    return Shaped(
        cloudevents.structured(context, data, binary=binary),
        cloudevents.MEDIA_TYPE,
        headers,
        attributes,
        batched=transform.mode == "batched",
    )


def _data(transform: Transform, parts: EventParts) -> tuple[bytes, str, bool]:
    """Returns the replacement of the payload, its media type, and whether it is bytes."""
    if transform.template:
        try:
            template = _compiled(
                tuple(transform.template.input_paths_map.items()), transform.template.input_template
            )
        except InvalidTransform as error:
            # It was stored before the bus checked templates as strictly as it does now.
            raise TransformFailed(f"the template {error.detail}") from None
        return template.render(parts), JSON if template.is_json else TEXT, False
    if transform.expression is not None:
        return _evaluated(transform.expression, parts), JSON, False
    content = parts.content
    if content is not None and parts.content_type:
        return content, parts.content_type, True
    return parts.payload, JSON, False


def _evaluated(expression: str, parts: EventParts) -> bytes:
    # Only a transform with an expression loads this module.
    from event_bus.expressions.evaluator import ExpressionFailed, evaluate  # noqa: PLC0415

    try:
        return evaluate(
            expression,
            orjson.Fragment(parts.payload),
            {"event": parts.whole()},
            at=parts.stored_at,
            seed=parts.delivery,
        )
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
        raise InvalidTransform("/template/input_template", "must make JSON if the format is event")


def _check_expression(expression: str) -> None:
    from event_bus.expressions.evaluator import InvalidExpression, check  # noqa: PLC0415

    try:
        check(expression)
    except InvalidExpression as error:
        raise InvalidTransform(
            "/expression", f"cannot be read at character {error.position}: {error.detail}"
        ) from None
