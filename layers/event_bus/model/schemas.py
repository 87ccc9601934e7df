"""Versions of schemas: what clients send to register them, and what is kept."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

MAX_VERSIONS = 100
"""How many versions a type may have, including deleted ones."""

MAX_TYPES = 1_000
"""How many types may have schemas."""

MAX_EXAMPLE_BYTES = 16 * 1024
"""The largest example of a version, as compact JSON in UTF-8."""

Validation = Literal["off", "warn", "enforce"]
"""What publishing does with an invalid payload: nothing, a warning, or a refusal."""

Compatibility = Literal[
    "none",
    "backward",
    "backward_transitive",
    "forward",
    "forward_transitive",
    "full",
    "full_transitive",
]
"""Which versions a new version must be compatible with, and in which direction.

Backward: the new version accepts whatever the old one accepts. Forward: the old version accepts
whatever the new one accepts. Full: both. Transitive: with all versions, not only with the latest.
"""


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """One version, as an element of the list of a type's versions.

    Attributes:
        number: Its number; the first one is 1.
        digest: A hash of what was registered, to recognise a repeated registration.
        created_at: When it was registered, RFC 3339.
        created_by: The service that registered it, or `admin`.
        deleted_at: When it was deleted, RFC 3339, if it was.
    """

    number: int
    digest: str
    created_at: str
    created_by: str
    deleted_at: str | None = None


@dataclass(frozen=True, slots=True)
class TypeSchemas:
    """The schemas of an event type.

    Attributes:
        type: The event type.
        owner: The service that registered the first version, or `admin`.
        compatibility: What a new version must be compatible with.
        validation: What publishing does with a payload that its schema refuses.
        description: The description of the type, if there is one.
        created_at: When the first version was registered, RFC 3339.
        updated_at: When the versions or the settings last changed, RFC 3339.
        versions: The versions, in the order of their numbers.
    """

    type: str
    owner: str
    created_at: str
    updated_at: str
    compatibility: Compatibility = "backward"
    validation: Validation = "off"
    description: str | None = None
    versions: list[VersionEntry] = field(default_factory=list)

    @property
    def live(self) -> list[VersionEntry]:
        """The versions that were not deleted."""
        return [each for each in self.versions if each.deleted_at is None]

    @property
    def latest(self) -> int | None:
        """The number of the latest version that was not deleted."""
        return self.live[-1].number if self.live else None

    def entry(self, number: int) -> VersionEntry | None:
        """Returns the version of a number, if it was not deleted."""
        return next((each for each in self.live if each.number == number), None)

    def without(self, number: int, at: str) -> "TypeSchemas":
        """Returns a copy in which one version is deleted."""
        versions = [
            replace(each, deleted_at=at) if each.number == number else each
            for each in self.versions
        ]
        return replace(self, versions=versions, updated_at=at)


@dataclass(frozen=True, slots=True)
class TypeInIndex:
    """The entry of a type with a schema, for publishing.

    Attributes:
        latest: The latest version.
        validation: What is done with a payload that its schema refuses.
        deleted: The versions before it that were deleted.
    """

    latest: int
    validation: Validation
    deleted: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """One version of a type's schema.

    Attributes:
        type: The event type.
        number: Its number.
        schema: The JSON Schema of payloads.
        example: A payload that it accepts, if one was given.
        upcast: The JSONata expression that makes a payload of this version from one of the version
            before, if one was given.
    """

    type: str
    number: int
    schema: dict[str, Any] | bool
    example: dict[str, Any] | None = None
    upcast: str | None = None


@dataclass(frozen=True, slots=True)
class SchemaCheck:
    """The version of its type's schema by which an event was checked.

    Attributes:
        version: The version.
        valid: Whether the payload is valid; None if validation was off.
    """

    version: int
    valid: bool | None = None
