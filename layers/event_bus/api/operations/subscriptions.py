"""Registering who receives which events, and where."""

from typing import Literal, get_args

from event_bus.api.documents.failing import FailingList
from event_bus.api.documents.subscriptions import (
    CreatedSubscription,
    RotatedSecret,
    Subscription,
    SubscriptionPage,
)
from event_bus.api.operation import Operation
from event_bus.api.parameters import LIMIT, PAGING, Header, Parameter, choice, text
from event_bus.api.query import Query
from event_bus.errors import Conflict, NotFound, PreconditionFailed
from event_bus.model.subscription import SubscriptionStatus
from event_bus.registry.subscription_query import SubscriptionQuery
from event_bus.registry.subscription_requests import SubscriptionChange, SubscriptionRegistration
from event_bus.requests.credentials import RotationRequest


def _failing(sent: str) -> Literal["failing"]:
    if sent == "failing":
        return "failing"
    raise ValueError("must be failing")


SERVICE_ID = text("service_id", "The service that they belong to.")
EVENT_TYPE = text("event_type", "An event type that they receive.")
STATUS: Parameter[SubscriptionStatus] = choice(
    "status", "Their status.", get_args(SubscriptionStatus)
)

HEALTH: Parameter[Literal["failing"]] = Parameter(
    "health",
    "`failing`: only those whose last attempt failed.",
    _failing,
    {"type": "string", "enum": ["failing"]},
)

IF_NONE_MATCH = Header("If-None-Match", "`*` to replace nothing.", {"const": "*"})

REGISTER = Operation(
    "POST /subscriptions",
    name="registerSubscription",
    function="registry",
    scope="manage",
    action="subscription.create",
    tag="Subscriptions",
    summary="Register a subscription; the answer shows its signing secret, once.",
    body=SubscriptionRegistration,
    creates=True,
    answers={201: CreatedSubscription},
    located=(201,),
    errors=(Conflict,),
)
LIST = Operation(
    "GET /subscriptions",
    name="listSubscriptions",
    function="registry",
    scope="read",
    action="subscription.list",
    tag="Subscriptions",
    summary="List subscriptions by their identifiers: all for an admin, its own for a service.",
    query=(SERVICE_ID, EVENT_TYPE, STATUS, HEALTH, *PAGING),
    answers={200: SubscriptionPage},
)
FAILING = Operation(
    "GET /failing",
    name="listFailingSubscriptions",
    function="registry",
    scope="read",
    action="subscription.list_failing",
    tag="Subscriptions",
    summary="List the subscriptions whose last attempt failed, the worst first, and why: all for "
    "an admin, its own for a service.",
    query=(LIMIT,),
    answers={200: FailingList},
)
GET = Operation(
    "GET /subscriptions/{id}",
    name="getSubscription",
    function="registry",
    scope="read",
    action="subscription.read",
    tag="Subscriptions",
    summary="One subscription.",
    answers={200: Subscription},
    errors=(NotFound,),
)
PUT = Operation(
    "PUT /subscriptions/{id}",
    name="putSubscription",
    function="registry",
    scope="manage",
    action="subscription.put",
    tag="Subscriptions",
    summary="Register a subscription under an identifier of your choice, or replace one as a "
    "whole.",
    body=SubscriptionRegistration,
    headers=(IF_NONE_MATCH,),
    answers={200: Subscription, 201: CreatedSubscription},
    located=(201,),
    errors=(NotFound, Conflict, PreconditionFailed),
)
CHANGE = Operation(
    "PATCH /subscriptions/{id}",
    name="changeSubscription",
    function="registry",
    scope="manage",
    action="subscription.change",
    tag="Subscriptions",
    summary="Change the members that are named; `filters`, `enrichment`, `transform` and "
    "`retry_policy` are each replaced as a whole.",
    body=SubscriptionChange,
    answers={200: Subscription},
    errors=(NotFound, Conflict),
)
REMOVE = Operation(
    "DELETE /subscriptions/{id}",
    name="removeSubscription",
    function="registry",
    scope="manage",
    action="subscription.delete",
    tag="Subscriptions",
    summary="Remove a subscription.",
    answers={204: None},
    errors=(NotFound, Conflict),
)
ROTATE_SECRET = Operation(
    "POST /subscriptions/{id}/secret/rotate",
    name="rotateSigningSecret",
    function="registry",
    scope="manage",
    action="subscription.rotate_secret",
    tag="Subscriptions",
    summary="Replace the signing secret by a new one; both sign during the overlap.",
    body=RotationRequest,
    body_required=False,
    creates=True,
    answers={200: RotatedSecret},
    errors=(NotFound, Conflict),
)


def selection(query: Query) -> SubscriptionQuery:
    """Returns the filters of a list of subscriptions, from its query parameters."""
    return SubscriptionQuery(query.get(SERVICE_ID), query.get(EVENT_TYPE), query.get(STATUS))
