"""The transform of a subscription, as clients send it, and its checks."""

from typing import Annotated

from pydantic import AfterValidator, Field

from event_bus.errors import InvalidRequest
from event_bus.model.names import refuse_control_characters
from event_bus.model.target import Target
from event_bus.requests.validation import RequestModel, checked
from event_bus.transforms.errors import InvalidTransform
from event_bus.transforms.shape import check_transform
from event_bus.transforms.transform import Format, InputTransformer, Mode, Transform

_Text = Annotated[str, AfterValidator(checked(refuse_control_characters))]


class InputTransformerRequest(RequestModel):
    """An input transformer in the form of EventBridge.

    Attributes:
        input_template: The template, with variables in angle brackets.
        input_paths_map: The JSON path of each variable.
    """

    input_template: Annotated[str, Field(min_length=1)]
    input_paths_map: dict[str, _Text] = Field(default_factory=dict)

    def transformer(self) -> InputTransformer:
        """Returns the input transformer."""
        return InputTransformer(self.input_template, self.input_paths_map)


class TransformRequest(RequestModel):
    """A transform as a client sends it.

    Attributes:
        format: The format around the payload; by default `payload` with an expression or a
            template, and otherwise `event`.
        mode: How a CloudEvent is written.
        expression: JSONata whose result is sent in place of the payload; it excludes `template`.
        template: An input transformer whose result is sent in place of the payload.
        headers: Further headers, for a callback URL; a value that begins with `$.` is a path into
            the event.
        attributes: Further message attributes, for a queue or a topic; a value that begins with
            `$.` is a path into the event.
    """

    format: Format | None = None
    mode: Mode = "structured"
    expression: Annotated[str, Field(min_length=1)] | None = None
    template: InputTransformerRequest | None = None
    headers: dict[str, _Text] = Field(default_factory=dict)
    attributes: dict[str, _Text] = Field(default_factory=dict)

    def transform(self) -> Transform:
        """Returns the transform; by default, the result of an expression or template is sent alone.

        Raises:
            InvalidRequest: It cannot be used; the fault is named by its JSON pointer.
        """
        replaced = self.expression is not None or self.template is not None
        template = self.template.transformer() if self.template else None
        asked = Transform(
            self.format or ("payload" if replaced else "event"),
            self.mode,
            self.expression,
            template,
            self.headers,
            self.attributes,
        )
        try:
            check_transform(asked)
        except InvalidTransform as error:
            raise InvalidRequest.at(f"/transform{error.pointer}", error.detail) from None
        return asked


def check_fits(transform: Transform | None, target: Target) -> None:
    """Refuses a transform that a target cannot use.

    Args:
        transform: The transform, if there is one.
        target: The target.

    Raises:
        InvalidRequest: It needs a feature that the target lacks; the fault is named by its JSON
            pointer.
    """
    if transform is None:
        return
    if transform.headers and not target.headers:
        raise InvalidRequest.at("/transform/headers", "must be left out if the target is not a URL")
    if transform.attributes and not target.attributes:
        raise InvalidRequest.at(
            "/transform/attributes",
            "must be left out if the target is neither a queue nor a topic",
        )
    if transform.mode == "binary" and not (target.headers or target.attributes):
        raise InvalidRequest.at(
            "/transform/mode",
            "must be structured if the target is neither a URL, a queue nor a topic",
        )
    if transform.mode == "batched" and not target.headers:
        raise InvalidRequest.at("/transform/mode", "must be structured if the target is not a URL")
    if target.objects_only and _makes_no_object(transform):
        raise InvalidRequest.at(
            "/transform/template/input_template",
            "must make an object if the target is an event bus of EventBridge",
        )


def _makes_no_object(transform: Transform) -> bool:
    return (
        transform.template is not None
        and transform.format == "payload"
        and not transform.template.input_template.lstrip().startswith(("{", "<"))
    )
