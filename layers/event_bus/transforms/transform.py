"""A subscription's transform, and what it makes of an event.

Every function that knows subscriptions imports this module. What shapes events is in `shape`,
which is imported where an event is shaped.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from event_bus.stored import restored

Format = Literal["event", "payload", "cloudevents"]
"""The format around the payload."""

Mode = Literal["structured", "binary", "batched"]
"""How a CloudEvent is written."""

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


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
    """The transform of a subscription, which shapes each event before it is sent.

    Attributes:
        format: The format around the payload.
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
    """An event in the form in which it is sent.

    Attributes:
        body: The body.
        content_type: Its media type.
        headers: Headers for HTTP beside it.
        attributes: Message attributes for SQS and SNS, the most important first.
        batched: Whether bodies for one target are sent together, as a JSON array.
        binary: Whether the body is a payload that is not JSON: any bytes.
        bus_attributes: Whether a message also has the attributes of the bus, such as `id`.
    """

    body: bytes
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    batched: bool = False
    bus_attributes: bool = True
    binary: bool = False

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON."""
        return not self.binary and self.content_type != TEXT

    def as_text(self) -> str:
        """Returns the body as a text: bytes in base64."""
        return (base64.b64encode(self.body) if self.binary else self.body).decode()

    def as_json(self) -> bytes:
        """Returns the body as JSON: a text as a string, bytes as one in base64."""
        return self.body if self.is_json else orjson.dumps(self.as_text())


def read_transform(members: Mapping[str, Any]) -> Transform:
    """Returns the transform that was stored as these members."""
    template = members.get("template")
    read = restored(InputTransformer, template) if template else None
    return restored(Transform, {**members, "template": read})
