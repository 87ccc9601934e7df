"""The requests that register schemas and change their settings."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict, Field

from event_bus.model.names import refuse_control_characters
from event_bus.model.schemas import Compatibility, Validation
from event_bus.requests.validation import RequestModel, checked

MAX_UPCAST_CHARACTERS = 8_192
"""The longest `upcast` expression, in characters."""

Description = Annotated[
    str, Field(min_length=1, max_length=1024), AfterValidator(checked(refuse_control_characters))
]
"""A description of a type, for its users."""


class SchemaRegistration(RequestModel):
    """The registration of a version of a type's schema.

    Attributes:
        definition: A JSON Schema of the dialect 2020-12.
        example: A payload that the schema accepts.
        upcast: JSONata that makes a payload of this version from one of the version before.
    """

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=False)

    definition: Annotated[Any, Field(alias="schema")]
    example: dict[str, Any] | None = None
    upcast: Annotated[str, Field(min_length=1, max_length=MAX_UPCAST_CHARACTERS)] | None = None


class SchemaSettingsChange(RequestModel):
    """The change of a type's schema settings: a JSON merge patch (RFC 7396).

    Attributes:
        compatibility: What a new version must be compatible with.
        validation: Whether payloads are checked, and whether invalid ones are refused.
        description: What the event says, for people; null removes it.
    """

    fixed: ClassVar[Mapping[str, str]] = {
        "id": "it is the type",
        "type": "register schemas for another type instead",
        "versions": "register one by POST /schemas/{type}/versions",
    }
    nullable: ClassVar[Collection[str]] = ("description",)

    compatibility: Compatibility | None = None
    validation: Validation | None = None
    description: Description | None = None
