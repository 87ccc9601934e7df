"""The requests of publishers: registrations and changes."""

from collections.abc import Collection, Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from event_bus import json_numbers
from event_bus.matching.limits import MAX_EVENT_TYPES
from event_bus.requests.credentials import Authentication
from event_bus.requests.readers import Readers, RestrictedTypes
from event_bus.requests.sensitive import SensitiveFields
from event_bus.requests.type_patterns import TypePatterns
from event_bus.requests.validation import (
    EACH_ONCE,
    Label,
    Name,
    RequestModel,
    ServiceId,
    checked,
)

MAX_SENSITIVE_BYTES = 64 * 1024
"""The largest `sensitive` of a publisher, as compact JSON in UTF-8."""


def _check_size(sensitive: object) -> None:
    if len(json_numbers.dumps(sensitive)) > MAX_SENSITIVE_BYTES:
        raise ValueError(f"must have at most {MAX_SENSITIVE_BYTES} bytes as JSON")


SensitiveTypes = Annotated[
    dict[str, SensitiveFields],
    Field(max_length=MAX_EVENT_TYPES),
    AfterValidator(checked(_check_size)),
]
"""The sensitive parts of payloads, by type pattern."""


def _check_category(category: str) -> None:
    if "/" in category:
        raise ValueError("must hold no slash: it is the part of a stream's id before the first one")


StreamCategories = Annotated[
    list[Annotated[Label, AfterValidator(checked(_check_category))]],
    Field(max_length=100),
    EACH_ONCE,
]
"""Categories of streams, each once."""

BY_THE_BUS = "the bus sets it"
"""The refusal of a change to a member that the bus sets."""


class PublisherRegistration(RequestModel):
    """The registration of a publisher.

    Attributes:
        service_id: The service.
        name: A name for people; by default the service.
        event_types: The types and patterns that it may publish.
        sensitive: The JSON pointers of the sensitive parts of payloads, by type pattern; true for
            the whole payload.
        sensitive_readers: The known services that may read the sensitive parts.
        stream_categories: The categories of streams to which it may append; empty for all.
        kept_stream_categories: The categories of its streams whose events never expire.
        authentication: Its first credential; by default a generated key.
    """

    service_id: ServiceId
    name: Name | None = None
    event_types: TypePatterns
    sensitive: SensitiveTypes = Field(default_factory=dict)
    sensitive_readers: Readers = Field(default_factory=list)
    restricted: RestrictedTypes = Field(default_factory=dict)
    stream_categories: StreamCategories = Field(default_factory=list)
    kept_stream_categories: StreamCategories = Field(default_factory=list)
    authentication: Authentication = Field(default_factory=Authentication)


class PublisherChange(RequestModel):
    """The change of a publisher: a JSON merge patch (RFC 7396) of these members.

    `sensitive` and `restricted` are replaced as a whole.

    Attributes:
        name: A name for people.
        event_types: The types and patterns that it may publish; only an admin changes them.
        sensitive: The JSON pointers of the sensitive parts of payloads, by type pattern; true for
            the whole payload.
        sensitive_readers: The known services that may read the sensitive parts.
        restricted: The only services that may receive a type, by type pattern.
        stream_categories: The categories of streams to which it may append, empty for all; only an
            admin changes them.
        kept_stream_categories: The categories of its streams whose events never expire; only an
            admin changes them.
    """

    fixed: ClassVar[Mapping[str, str]] = {
        "id": "it is the service's name",
        "service_id": "register another publisher instead",
        "authentication": "keys are changed by /publishers/{id}/keys",
        "created_at": BY_THE_BUS,
        "updated_at": BY_THE_BUS,
    }
    nullable: ClassVar[Collection[str]] = ()

    name: Name | None = None
    event_types: TypePatterns | None = None
    sensitive: SensitiveTypes | None = None
    sensitive_readers: Readers | None = None
    restricted: RestrictedTypes | None = None
    stream_categories: StreamCategories | None = None
    kept_stream_categories: StreamCategories | None = None
