"""The payload of an event, as a publisher sends it."""

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from event_bus.requests.validation import RequestModel, checked, one_of_two, spelled
from event_bus.transforms.payloads import decoded

OCTETS = "application/octet-stream"
"""The media type of a payload that is not JSON and names none."""

# A media type of RFC 9110, 8.3.1.
_WORD = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}"
_MEDIA_TYPE = f'^{_WORD}/{_WORD}(?: *; *{_WORD}=(?:{_WORD}|"[ !#-Z^-~]{{0,127}}"))*$'

# A receiver would read such bytes as a CloudEvent of the bus, and trust the source that the
# publisher wrote into them.
_CLOUDEVENTS = "application/cloudevents"


def _check_content_type(text: str) -> None:
    if text.lower().startswith(_CLOUDEVENTS):
        raise ValueError(f"must not begin with {_CLOUDEVENTS}: the bus itself sends CloudEvents")


class Payload(RequestModel):
    """The payload of an event: an object, or bytes with their media type.

    Attributes:
        payload_base64: Bytes that are not JSON, in base64 (RFC 4648), in place of `payload`.
        payload: The payload, an object.
        content_type: The media type of `payload_base64`; by default `application/octet-stream`.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["payload"]}, {"required": ["payload_base64"]}]}
    )

    payload_base64: Annotated[str, AfterValidator(checked(decoded))] | None = None
    payload: Annotated[dict[str, Any] | None, Field(validate_default=True)] = None
    content_type: (
        Annotated[
            str,
            Field(max_length=256),
            spelled(_MEDIA_TYPE, "a media type, such as image/png"),
            AfterValidator(checked(_check_content_type)),
        ]
        | None
    ) = None

    @field_validator("payload")
    @classmethod
    def _one_payload(cls, payload: Any, info: ValidationInfo) -> Any:
        return one_of_two(payload, info, "payload_base64", "must be an object; it is required")

    @field_validator("content_type")
    @classmethod
    def _of_what_is_not_json(cls, content_type: Any, info: ValidationInfo) -> Any:
        if content_type is not None and info.data.get("payload") is not None:
            raise PydanticCustomError(
                "json", "must be left out with payload, which is application/json"
            )
        return content_type

    @property
    def kept_payload(self) -> Any:
        """The payload as the bus keeps it: an object, or the text in base64."""
        return self.payload if self.payload_base64 is None else self.payload_base64

    @property
    def kept_content_type(self) -> str | None:
        """The media type as the bus keeps it: None for JSON."""
        return None if self.payload_base64 is None else self.content_type or OCTETS
