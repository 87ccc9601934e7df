"""Contexts: data of services that their enrichments look up."""

from event_bus.api.documents.contexts import ContextEntry, ContextEntryPage
from event_bus.api.operation import Operation
from event_bus.api.parameters import PAGING_BY_NAME, service
from event_bus.errors import Conflict, NotFound
from event_bus.requests.contexts import ContextEntryRequest

SERVICE_ID = service(
    "service_id", "The service that keeps the context; required with an admin key."
)

PUT = Operation(
    "PUT /contexts/{name}/{key}",
    name="putContextEntry",
    function="registry",
    scope="manage",
    action="context.put",
    tag="Contexts",
    summary="Write an entry of a context.",
    query=(SERVICE_ID,),
    body=ContextEntryRequest,
    answers={200: ContextEntry, 201: ContextEntry},
    errors=(Conflict,),
)
GET = Operation(
    "GET /contexts/{name}/{key}",
    name="getContextEntry",
    function="registry",
    scope="read",
    action="context.read",
    tag="Contexts",
    summary="One entry of a context.",
    query=(SERVICE_ID,),
    answers={200: ContextEntry},
    errors=(NotFound,),
)
LIST = Operation(
    "GET /contexts/{name}",
    name="listContextEntries",
    function="registry",
    scope="read",
    action="context.list",
    tag="Contexts",
    summary="List the entries of a context in the order of their keys, without their values.",
    query=(SERVICE_ID, *PAGING_BY_NAME),
    answers={200: ContextEntryPage},
)
DELETE = Operation(
    "DELETE /contexts/{name}/{key}",
    name="deleteContextEntry",
    function="registry",
    scope="manage",
    action="context.delete",
    tag="Contexts",
    summary="Remove an entry of a context.",
    query=(SERVICE_ID,),
    answers={204: None},
    errors=(Conflict, NotFound),
)
