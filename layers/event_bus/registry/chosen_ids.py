"""Subscriptions with ids that clients choose: `PUT /subscriptions/{id}`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from event_bus.access.callers import Caller
from event_bus.errors import InvalidRequest, NotFound, PreconditionFailed
from event_bus.model.subscription import Subscription
from event_bus.registry.subscription_requests import SubscriptionChange, SubscriptionRegistration
from event_bus.registry.subscriptions import RegisteredSubscription, SubscriptionRegistry
from event_bus.requests.validation import read
from event_bus.stores.refusals import IdTaken
from event_bus.stores.subscriptions import CHOSEN
from event_bus.targets.http import HttpTarget

_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}", re.ASCII)

_LEFT_OUT: Mapping[str, Any] = {
    "filters": {},
    "handles": False,
    "retry_policy": {},
    "max_in_flight": None,
    "rate_limit": None,
    "schema_version": None,
    "transform": None,
    "enrichment": None,
}
"""The defaults of members that a request leaves out."""


@dataclass(frozen=True, slots=True)
class ChosenIds:
    """Registers and replaces subscriptions under chosen ids.

    A chosen identifier begins with the service that it belongs to, so that no service can occupy
    another's or find out about it.

    Attributes:
        registry: The subscriptions.
    """

    registry: SubscriptionRegistry

    def put(
        self, subscription_id: str, body: Any, caller: Caller, *, only_new: bool
    ) -> RegisteredSubscription | Subscription:
        """Registers a subscription, or replaces it if there is one.

        Args:
            subscription_id: The identifier.
            body: The body of the request, parsed from JSON.
            caller: Who asks.
            only_new: Whether nothing may be replaced.

        Returns:
            The new subscription with its secrets, or the replaced one.

        Raises:
            NotFound: There is none that the caller may see, and it may not choose the identifier.
            PreconditionFailed: There is one, and nothing may be replaced.
            InvalidRequest: The body is refused, or would change a member that cannot change.
            Conflict: A removed subscription had the identifier.
        """
        registration = read(SubscriptionRegistration, body)
        if registration.authentication:
            raise InvalidRequest.at(
                "/authentication", "must be left out; make keys by POST /subscribers/{id}/keys"
            )
        try:
            before = self.registry.get(subscription_id, caller)
        except NotFound:
            try:
                return self._register(subscription_id, registration, caller)
            except IdTaken:
                # Another request was faster, by the same service or an admin.
                before = self.registry.get(subscription_id, caller)
        if only_new:
            raise PreconditionFailed(f"The subscription {subscription_id} is registered already.")
        return self._replace(before, registration, body, caller)

    def _register(
        self, subscription_id: str, registration: SubscriptionRegistration, caller: Caller
    ) -> RegisteredSubscription:
        service_id, dot, name = subscription_id.partition(CHOSEN)
        if not dot or not (caller.admin or service_id == caller.service_id):
            # The answer is the same for another service's subscription and for one that does not
            # exist.
            own = "SERVICE" if caller.admin else caller.service_id
            raise NotFound.of(
                f"subscription {subscription_id}",
                f"An identifier of your choice begins with the service and a dot: {own}.NAME.",
            )
        if not _NAME.fullmatch(name):
            raise InvalidRequest.at(
                "id", "must have 1 to 63 letters, digits, '_' and '-' after the dot"
            )
        if registration.service_id not in (None, service_id):
            raise InvalidRequest.at("/service_id", f"must be {service_id}, as in the identifier")
        of_service = registration.model_copy(update={"service_id": service_id})
        return self.registry.register(of_service, caller, subscription_id)

    def _replace(
        self,
        before: Subscription,
        registration: SubscriptionRegistration,
        body: Mapping[str, Any],
        caller: Caller,
    ) -> Subscription:
        if registration.service_id not in (None, before.service_id):
            raise InvalidRequest.at("/service_id", f"must stay {before.service_id}")
        if registration.followed() != before.stream:
            raise InvalidRequest.at("/stream", "must stay as it is; choose another identifier")
        if registration.in_order is not before.ordered:
            said = "true" if before.ordered else "false"
            raise InvalidRequest.at("/ordered", f"must stay {said}; choose another identifier")
        named = {
            name: value
            for name, value in body.items()
            if name in SubscriptionChange.model_fields and value is not None
        }
        if "callback_url" in named and isinstance(before.target, HttpTarget):
            named["target"] = {"type": "http", "url": named.pop("callback_url")}
        # Members that a change leaves out stay, but those of a registration have their defaults.
        whole = {
            "name": before.service_id,
            "delivery_guarantee": registration.guarantee(),
            **_LEFT_OUT,
            **named,
        }
        return self.registry.change(before.id, read(SubscriptionChange, whole), caller)
