"""Rights to receive events: grants by admins, and restrictions by publishers."""

from dataclasses import dataclass, field
from typing import Literal

Default = Literal["everything", "nothing"]
"""What a service without a right may receive."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The types that a service may receive.

    Attributes:
        service_id: The service.
        event_types: The type patterns; None if the deployment's default applies.
        created_at: When it was first granted types, RFC 3339.
        updated_at: When they last changed, RFC 3339.
    """

    service_id: str
    event_types: list[str] | None
    created_at: str = ""
    updated_at: str = ""


@dataclass(frozen=True, slots=True)
class Restriction:
    """The event types of a source that only certain services may receive.

    Attributes:
        source: The service that publishes them.
        readers: The services that may receive them, by type pattern.
    """

    source: str
    readers: dict[str, list[str]] = field(default_factory=dict)
