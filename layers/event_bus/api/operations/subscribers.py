"""Deciding what each service may receive."""

from event_bus.api.documents.services import Subscriber, SubscriberPage
from event_bus.api.operation import Operation
from event_bus.api.parameters import PAGING
from event_bus.errors import NotFound
from event_bus.requests.subscriber import SubscriberRequest

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
    summary="The types that a service was given.",
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
    summary="Set the types that a service may receive (admin).",
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
    summary="Remove the types that a service was given, so that the default holds (admin).",
    answers={204: None},
    errors=(NotFound,),
)
