"""Deciding what each service may receive."""

from event_bus.api.documents.services import Subscriber, SubscriberPage
from event_bus.api.operation import Operation
from event_bus.api.parameters import PAGING
from event_bus.errors import NotFound
from event_bus.model.rights import SubscriberRequest

LIST = Operation(
    "GET /subscribers",
    name="listSubscribers",
    function="registry",
    scope="read",
    action="subscriber.list",
    tag="Subscribers",
    summary="List the services to which types are given: all for an admin, itself for a service.",
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
    summary="The types that a service may receive, where any are given to it.",
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
    summary="Give a service the types that it may receive, in place of those before (admin).",
    body=SubscriberRequest,
    answers={200: Subscriber, 201: Subscriber},
)
REMOVE = Operation(
    "DELETE /subscribers/{id}",
    name="removeSubscriber",
    function="registry",
    scope="manage",
    admin=True,
    action="subscriber.delete",
    tag="Subscribers",
    summary="Take away the types that were given to a service, so that the default holds (admin).",
    answers={204: None},
    errors=(NotFound,),
)
