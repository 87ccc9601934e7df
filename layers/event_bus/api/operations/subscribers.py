"""Deciding what each service may receive."""

from event_bus.api.documents.services import Subscriber, SubscriberPage
from event_bus.api.operation import Operation
from event_bus.api.parameters import PAGING
from event_bus.errors import Conflict, NotFound
from event_bus.requests.subscriber import SubscriberRequest

LIST = Operation(
    "GET /subscribers",
    name="listSubscribers",
    function="registry",
    scope="read",
    action="subscriber.list",
    tag="Subscribers",
    summary="List the rights of services: all for an admin, its own for a service.",
    query=PAGING,
    answers={200: SubscriberPage},
)
GET = Operation(
    "GET /subscribers/{id}",
    name="getSubscriber",
    function="registry",
    scope="read",
    action="subscriber.read",
    tag="Subscribers",
    summary="The right of a service: the types that an admin let it receive.",
    answers={200: Subscriber},
    errors=(NotFound,),
)
PUT = Operation(
    "PUT /subscribers/{id}",
    name="putSubscriber",
    function="registry",
    scope="manage",
    admin=True,
    action="subscriber.put",
    tag="Subscribers",
    summary="Give a service the right to types, in place of its old right (admin).",
    body=SubscriberRequest,
    answers={200: Subscriber, 201: Subscriber},
    errors=(Conflict,),
)
REMOVE = Operation(
    "DELETE /subscribers/{id}",
    name="removeSubscriber",
    function="registry",
    scope="manage",
    admin=True,
    action="subscriber.delete",
    tag="Subscribers",
    summary="Remove the right of a service, so that the default applies (admin).",
    answers={204: None},
    errors=(NotFound,),
)
