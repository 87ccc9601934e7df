"""Schemas of event types, and the catalogue of types."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from event_bus.api.documents.members import Count, Object, Page, Time
from event_bus.model import schemas
from event_bus.model.schemas import Compatibility, SchemaVersion, Validation, VersionEntry
from event_bus.paging import MAX_PAGE_BYTES, answered_bytes
from event_bus.querying import schema_drafts
from event_bus.registry import event_types

JsonSchema = TypeAliasType(
    "JsonSchema", Annotated[Object | bool, Field(description="A JSON Schema (2020-12).")]
)

Upcast = Annotated[
    str | None,
    Field(
        description="JSONata that makes a payload of this version from one of the version before."
    ),
]
Latest = Annotated[int | None, Field(description="The latest version; null if all are deleted.")]
Example = Annotated[Object | None, Field(description="A payload that the schema accepts.")]


class TypeSchemas(TypedDict):
    """The schemas of an event type.

    Attributes:
        type: The event type.
        description: What the event says, for people.
        compatibility: What a new version must be compatible with.
        validation: Whether payloads are checked, and whether invalid ones are refused.
        created_at: When the first version was registered.
        updated_at: When the settings or versions last changed.
    """

    type: str
    owner: Annotated[
        str, Field(description="The service that registered the first version, or `admin`.")
    ]
    description: str | None
    compatibility: Compatibility
    validation: Validation
    latest_version: Latest
    versions: Annotated[list[int], Field(description="The versions that were not deleted.")]
    created_at: Time
    updated_at: Time


class TypeSchemasPage(Page):
    """A page of types that have schemas."""

    items: list[TypeSchemas]


class VersionSummary(TypedDict):
    """A version of a schema in a list.

    Attributes:
        type: The event type.
        version: The number of the version, from 1 on.
        created_by: The service that registered it, or `admin`.
        created_at: When it was registered.
    """

    type: str
    version: int
    created_by: str
    created_at: Time


class Version(VersionSummary):
    """A version of a schema.

    Attributes:
        schema: The schema.
    """

    schema: JsonSchema
    example: Example
    upcast: Upcast


class VersionPage(Page):
    """A page of versions."""

    items: list[VersionSummary]


class SchemaDraft(TypedDict):
    """A draft of a schema, to be reviewed and registered.

    Attributes:
        type: The event type.
        since: The timestamp of the first of these events.
        until: The timestamp of the last of these events.
        schema: The draft.
    """

    type: str
    events: Annotated[Count, Field(description="How many events it was made from.")]
    since: Time
    until: Time
    schema: JsonSchema


class SchemaDraftList(TypedDict):
    """Drafts of schemas.

    Attributes:
        items: The drafts, by type.
    """

    items: list[SchemaDraft]
    complete: Annotated[
        bool,
        Field(
            description="Whether these are all drafts. If not, the answer has no room for those of "
            "later types: request them by `type`."
        ),
    ]


class EventTypeSummary(TypedDict):
    """An event type in the catalogue.

    Attributes:
        type: The event type.
        description: What the event says, for people.
        validation: Whether payloads are checked, and whether invalid ones are refused.
    """

    type: str
    owner: Annotated[
        str | None,
        Field(
            description="The service that registered its schema. Without a schema, its only "
            "publisher that names it without a pattern; null if there are several."
        ),
    ]
    description: str | None
    latest_version: Latest
    validation: Validation
    publishers: Annotated[
        Count, Field(description="The number of its publishers that the key may see.")
    ]
    subscriptions: Annotated[
        Count, Field(description="The number of subscriptions to it that the key may see.")
    ]
    events: Annotated[
        Count,
        Field(
            description="The number of events that these publishers have published, as metrics "
            "count them: up to a minute late."
        ),
    ]


class EventTypePage(Page):
    """A page of the catalogue."""

    items: list[EventTypeSummary]


class TypeSubscription(TypedDict):
    """A subscription that receives a type.

    Attributes:
        id: The subscription.
        service_id: The service that owns it.
        name: The name of the subscription.
    """

    id: str
    service_id: str
    name: str


class EventType(EventTypeSummary):
    """An event type, with its schema and who publishes and receives it.

    Attributes:
        schema: The latest version of its schema; null without one.
        publisher_ids: The services that publish it and that the key may see.
    """

    schema: JsonSchema | None
    example: Example
    publisher_ids: list[str]
    receivers: Annotated[
        list[TypeSubscription],
        Field(description="The subscriptions that receive it; at most 100 are shown."),
    ]


def type_schemas_document(found: schemas.TypeSchemas) -> TypeSchemas:
    """Returns the schemas of a type."""
    return {
        "type": found.type,
        "owner": found.owner,
        "description": found.description,
        "compatibility": found.compatibility,
        "validation": found.validation,
        "latest_version": found.latest,
        "versions": [each.number for each in found.live],
        "created_at": found.created_at,
        "updated_at": found.updated_at,
    }


def version_summary(event_type: str, entry: VersionEntry) -> VersionSummary:
    """Returns a version as lists show it."""
    return {
        "type": event_type,
        "version": entry.number,
        "created_by": entry.created_by,
        "created_at": entry.created_at,
    }


def version_document(entry: VersionEntry, version: SchemaVersion) -> Version:
    """Returns a version."""
    return {
        **version_summary(version.type, entry),
        "schema": version.schema,
        "example": version.example,
        "upcast": version.upcast,
    }


def drafts_document(drafts: Iterable[schema_drafts.SchemaDraft]) -> SchemaDraftList:
    """Returns as many of the first drafts as an answer can hold. No later ones are made."""
    shown: list[SchemaDraft] = []
    size = 0
    for document in map(_draft, drafts):
        size += answered_bytes(document)
        if size > MAX_PAGE_BYTES:
            return {"items": shown, "complete": False}
        shown.append(document)
    return {"items": shown, "complete": True}


def _draft(draft: schema_drafts.SchemaDraft) -> SchemaDraft:
    return {
        "type": draft.type,
        "events": draft.events,
        "since": draft.since,
        "until": draft.until,
        "schema": draft.schema if isinstance(draft.schema, bool) else {**draft.schema},
    }


def event_type_summary(found: event_types.EventType) -> EventTypeSummary:
    """Returns a type as the catalogue lists it."""
    return {
        "type": found.type,
        "owner": found.owner,
        "description": found.schemas.description if found.schemas else None,
        "latest_version": found.latest,
        "validation": found.schemas.validation if found.schemas else "off",
        "publishers": len(found.publishers),
        "subscriptions": len(found.subscriptions),
        "events": found.events,
    }


def event_type_document(found: event_types.EventType, version: SchemaVersion | None) -> EventType:
    """Returns an event type with its schema, its publishers and its subscribers."""
    return {
        **event_type_summary(found),
        "schema": version.schema if version else None,
        "example": version.example if version else None,
        "publisher_ids": [each.service_id for each in found.publishers],
        "receivers": [
            {"id": each.id, "service_id": each.service_id, "name": each.name}
            for each in found.subscriptions[:MAX_RECEIVERS]
        ],
    }


MAX_RECEIVERS = 100
"""How many subscriptions of a type are shown."""
