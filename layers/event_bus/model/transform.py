"""The transform of a subscription: how clients send it, and what is refused."""

from typing import Annotated

from pydantic import Field

from event_bus.errors import InvalidRequest
from event_bus.model.validation import Request
from event_bus.transforms.errors import InvalidTransform
from event_bus.transforms.transform import (
    Format,
    InputTransformer,
    Mode,
    Transform,
    check_transform,
)


class InputTransformerRequest(Request):
    """An input transformer, as EventBridge has it."""

    input_template: Annotated[str, Field(min_length=1)]
    input_paths_map: dict[str, str] = Field(default_factory=dict)

    def transformer(self) -> InputTransformer:
        """The input transformer."""
        return InputTransformer(self.input_template, self.input_paths_map)


class TransformRequest(Request):
    """What a subscription makes of each event, as a client sends it."""

    format: Format | None = None
    mode: Mode = "structured"
    expression: Annotated[str, Field(min_length=1)] | None = None
    template: InputTransformerRequest | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    attributes: dict[str, str] = Field(default_factory=dict)

    def transform(self) -> Transform:
        """The transform. What an expression or a template makes is sent alone by default.

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
