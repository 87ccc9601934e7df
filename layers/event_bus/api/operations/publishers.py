"""Registering the services that publish."""

from event_bus.api.documents.services import CreatedPublisher, Publisher, PublisherPage
from event_bus.api.operation import Operation
from event_bus.api.parameters import PAGING
from event_bus.errors import Conflict, NotFound
from event_bus.requests.publisher import PublisherChange, PublisherRegistration

REGISTER = Operation(
    "POST /publishers",
    name="registerPublisher",
    function="registry",
    scope="manage",
    admin=True,
    action="publisher.create",
    tag="Publishers",
    summary="Register a publisher (admin).",
    body=PublisherRegistration,
    creates=True,
    answers={201: CreatedPublisher},
    located=(201,),
    errors=(Conflict,),
)
LIST = Operation(
    "GET /publishers",
    name="listPublishers",
    function="registry",
    scope="read",
    action="publisher.list",
    tag="Publishers",
    summary="List publishers: all for an admin, itself for a service.",
    query=PAGING,
    answers={200: PublisherPage},
)
GET = Operation(
    "GET /publishers/{id}",
    name="getPublisher",
    function="registry",
    scope="read",
    action="publisher.read",
    tag="Publishers",
    summary="One publisher, by its service.",
    answers={200: Publisher},
    errors=(NotFound,),
)
CHANGE = Operation(
    "PATCH /publishers/{id}",
    name="changePublisher",
    function="registry",
    scope="manage",
    action="publisher.change",
    tag="Publishers",
    summary="Change the members that are named; `sensitive` and `restricted` are each "
    "replaced as a whole.",
    body=PublisherChange,
    answers={200: Publisher},
    errors=(NotFound, Conflict),
)
REMOVE = Operation(
    "DELETE /publishers/{id}",
    name="removePublisher",
    function="registry",
    scope="manage",
    admin=True,
    action="publisher.delete",
    tag="Publishers",
    summary="Remove a publisher (admin), and its keys if it has no subscriptions.",
    answers={204: None},
    errors=(NotFound, Conflict),
)
