"""The subscription that a request asks for, before any rule of the registry applies."""

from typing import Any

from event_bus import times
from event_bus.access.callers import Caller, other_service
from event_bus.access.ownership import refuse_reserved
from event_bus.enrichment.requests import enrichment_of
from event_bus.errors import Forbidden, InvalidRequest
from event_bus.model.subscription import Subscription
from event_bus.recovery.replays import refuse_future
from event_bus.registry.roles import with_external_id
from event_bus.registry.subscription_requests import (
    REMOVABLE,
    SubscriptionChange,
    SubscriptionRegistration,
)
from event_bus.requests.validation import members_of


def asked_for(
    registration: SubscriptionRegistration, subscription_id: str, service_id: str
) -> Subscription:
    """Returns the subscription that a registration asks for.

    Args:
        registration: The request.
        subscription_id: The id of the subscription.
        service_id: The service that owns it.

    Raises:
        InvalidRequest: The filters select other streams than those that it follows, or the
            transform or the enrichment cannot be used.
    """
    now = times.now()
    followed = registration.followed()
    return Subscription(
        id=subscription_id,
        service_id=service_id,
        name=registration.name or service_id,
        event_types=registration.event_types,
        filters=followed.narrowed(registration.filters) if followed else registration.filters,
        target=with_external_id(registration.chosen_target(), service_id),
        status="active",
        version=0,
        created_at=now,
        updated_at=now,
        delivery_guarantee=registration.guarantee(),
        ordered=registration.in_order,
        stream=followed,
        retry_policy=registration.retry_policy.policy(),
        max_in_flight=registration.max_in_flight,
        rate_limit=registration.rate_limit,
        schema_version=registration.schema_version,
        handles=registration.handles,
        transform=registration.transform.transform() if registration.transform else None,
        enrichment=enrichment_of(registration.enrichment) if registration.enrichment else None,
    )


def owner_of(registration: SubscriptionRegistration, caller: Caller) -> str:
    """Returns the service that a registration is for.

    Raises:
        InvalidRequest: An admin names no service, or the name is reserved.
        Forbidden: A service names another one.
    """
    if caller.admin and registration.service_id is None:
        raise InvalidRequest.at("/service_id", "is required if an admin registers")
    service_id = registration.service_id or caller.service_id
    if service_id != caller.service_id and not caller.admin:
        raise other_service("/service_id", caller)
    refuse_reserved(service_id)
    return service_id


def check_history(registration: SubscriptionRegistration, caller: Caller) -> None:
    """Refuses past events that the caller may not replay, or whose time is in the future.

    Args:
        registration: The request.
        caller: The caller.

    Raises:
        Forbidden: The key lacks the scope `recover`.
        InvalidRequest: The past events begin in the future.
    """
    for pointer, asked in (
        ("/replay_from", registration.replay_from),
        ("/stream/from_version", registration.stream and registration.stream.from_version),
    ):
        if asked and not caller.permits("recover"):
            detail = "starts a replay, for which the key needs the scope recover"
            raise Forbidden.at(pointer, detail, "scope")
    if registration.replay_from:
        refuse_future("/replay_from", registration.replay_from)


def plain_members(change: SubscriptionChange) -> dict[str, Any]:
    """Returns the new members of a subscription that depend on the change alone.

    A change of the status also removes the reason for which the bus disabled the subscription.

    Raises:
        InvalidRequest: A member is null that must not be, or the transform or the enrichment cannot
            be used.
    """
    members = members_of(change, removable=REMOVABLE)
    if change.retry_policy:
        members["retry_policy"] = change.retry_policy.policy()
    if change.transform:
        members["transform"] = change.transform.transform()
    if change.enrichment:
        members["enrichment"] = enrichment_of(change.enrichment)
    if change.status:
        members["disabled_reason"] = None
    for name in ("callback_url", "verify", "target", "resume_from"):
        members.pop(name, None)
    return members
