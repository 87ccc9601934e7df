"""Transforms of subscriptions, as the API shows them."""

from typing import NotRequired

from typing_extensions import TypedDict

from event_bus.transforms import transform
from event_bus.transforms.transform import Format, Mode


class InputTransformer(TypedDict):
    """An input transformer, as in EventBridge.

    Attributes:
        input_template: The template, with variables in angle brackets.
        input_paths_map: The JSON path of each variable.
    """

    input_template: str
    input_paths_map: NotRequired[dict[str, str]]


class Transform(TypedDict):
    """How each event is transformed before it is sent. Empty members are left out.

    Attributes:
        format: The format around the payload.
        mode: How a CloudEvent is written.
        expression: JSONata whose result is sent in place of the payload.
        template: The input transformer whose result is sent in place of the payload.
        headers: Further headers, for a callback URL.
        attributes: Further message attributes, for a queue or a topic.
    """

    format: Format
    mode: NotRequired[Mode]
    expression: NotRequired[str]
    template: NotRequired[InputTransformer]
    headers: NotRequired[dict[str, str]]
    attributes: NotRequired[dict[str, str]]


def transform_document(asked: transform.Transform | None) -> Transform | None:
    """Returns a transform in the form of a request."""
    if asked is None:
        return None
    shown: Transform = {"format": asked.format}
    if asked.format == "cloudevents":
        shown["mode"] = asked.mode
    if asked.expression is not None:
        shown["expression"] = asked.expression
    if asked.template:
        shown["template"] = {
            "input_template": asked.template.input_template,
            "input_paths_map": asked.template.input_paths_map,
        }
    if asked.headers:
        shown["headers"] = asked.headers
    if asked.attributes:
        shown["attributes"] = asked.attributes
    return shown
