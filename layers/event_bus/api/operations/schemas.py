"""Schemas of event types, and the catalogue of types."""

from event_bus.api.documents.schemas import (
    EventType,
    EventTypePage,
    SchemaDraftList,
    TypeSchemas,
    TypeSchemasPage,
    Version,
    VersionPage,
)
from event_bus.api.operation import Operation
from event_bus.api.parameters import PAGING, type_pattern
from event_bus.errors import Conflict, NotFound
from event_bus.requests.schemas import SchemaRegistration, SchemaSettingsChange

REGISTER = Operation(
    "POST /schemas/{type}/versions",
    name="registerSchemaVersion",
    function="registry",
    scope="manage",
    action="schema.create",
    tag="Schemas",
    summary="Register a version of a type's schema; 200 if the latest one is the same.",
    body=SchemaRegistration,
    creates=True,
    answers={200: Version, 201: Version},
    located=(200, 201),
    errors=(Conflict,),
)
LIST = Operation(
    "GET /schemas",
    name="listSchemas",
    function="registry",
    scope="read",
    action="schema.list",
    tag="Schemas",
    summary="List the types that have schemas and that the key may see.",
    query=PAGING,
    answers={200: TypeSchemasPage},
)
GET = Operation(
    "GET /schemas/{type}",
    name="getSchemas",
    function="registry",
    scope="read",
    action="schema.read",
    tag="Schemas",
    summary="The settings and the versions of a type's schema.",
    answers={200: TypeSchemas},
    errors=(NotFound,),
)
CHANGE = Operation(
    "PATCH /schemas/{type}",
    name="changeSchemas",
    function="registry",
    scope="manage",
    action="schema.change",
    tag="Schemas",
    summary="Change the compatibility, the validation or the description of a type.",
    body=SchemaSettingsChange,
    answers={200: TypeSchemas},
    errors=(NotFound, Conflict),
)
LIST_VERSIONS = Operation(
    "GET /schemas/{type}/versions",
    name="listSchemaVersions",
    function="registry",
    scope="read",
    action="schema.list",
    tag="Schemas",
    summary="List the versions of a type's schema, the first one first.",
    query=PAGING,
    answers={200: VersionPage},
    errors=(NotFound,),
)
GET_VERSION = Operation(
    "GET /schemas/{type}/versions/{version}",
    name="getSchemaVersion",
    function="registry",
    scope="read",
    action="schema.read",
    tag="Schemas",
    summary="One version of a type's schema, by its number, or `latest`.",
    answers={200: Version},
    errors=(NotFound,),
)
DELETE_VERSION = Operation(
    "DELETE /schemas/{type}/versions/{version}",
    name="deleteSchemaVersion",
    function="registry",
    scope="manage",
    action="schema.delete",
    tag="Schemas",
    summary="Delete a version; its number is not used again.",
    answers={204: None},
    errors=(NotFound, Conflict),
)
TYPE = type_pattern("type", "An event type, or a pattern such as `task.*`.")

DRAFTS = Operation(
    "GET /schema-drafts",
    name="draftSchemas",
    function="events",
    scope="read",
    action="schema.draft",
    tag="Schemas",
    summary="Draft schemas for types that have none, from the newest events that the key may see.",
    query=(TYPE,),
    answers={200: SchemaDraftList},
)
LIST_TYPES = Operation(
    "GET /event-types",
    name="listEventTypes",
    function="registry",
    scope="read",
    action="event_type.list",
    tag="Schemas",
    summary="The catalogue: the event types that the key may see.",
    query=PAGING,
    answers={200: EventTypePage},
)
GET_TYPE = Operation(
    "GET /event-types/{type}",
    name="getEventType",
    function="registry",
    scope="read",
    action="event_type.read",
    tag="Schemas",
    summary="One event type, with its schema and who publishes and receives it.",
    answers={200: EventType},
    errors=(NotFound,),
)
ASYNCAPI = Operation(
    "GET /asyncapi.json",
    name="describeEvents",
    function="registry",
    scope="read",
    action="event_type.list",
    tag="Schemas",
    summary="The event types that the key may see, as an AsyncAPI 3 document.",
    answers={200: dict},
)
