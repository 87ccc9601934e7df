"""The caller of a request, as the authorizer passes it to the functions behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from event_bus.errors import Failure, Forbidden, Problem, Reason, Unauthenticated, Unavailable
from event_bus.model.scopes import Scope, known

ADMIN = "admin"
"""The `service_id` of callers with the admin key."""

Role = Literal["service", "admin", "listener"]
"""The role of a key: a service's, an admin's, or that of a stream token."""

_UNKNOWN: dict[Reason, str] = {
    "no_key": "Send an API key in the header x-api-key, or as Authorization: Bearer.",
    "bad_key": "The API key is not valid.",
    "bad_token": "The token is not valid, or has expired.",
    "unknown_principal": "No service is registered for this certificate, IAM role or IAM user.",
}
"""The messages of 401 responses, by reason code."""


PROBLEM = "problem"
"""The member of the authorizer's context that holds the kind of its failure."""

_FAILED: dict[str, type[Problem]] = {each.kind: each for each in (Unavailable, Failure)}


def unknown_key() -> Unauthenticated:
    """Returns the refusal of a key that is unknown or has ended."""
    return Unauthenticated(_UNKNOWN["bad_key"], reason="bad_key")


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request.

    Attributes:
        service_id: The service whose key was sent.
        role: Whether the key is a service's, an admin's or a stream token. What a service may do
            follows from its registrations.
        subscription_id: The only subscription of a stream token, if it is limited to one.
        scopes: The scopes of the key; None for all.
        key_id: The id of the key. None if the bus itself acts for the service, or if an earlier
            release admitted the admin to a WebSocket.
        rate_limit: The key's own rate, in requests a second; None if it has none. The function
            `socket` gets the rate of every key from the authorizer. The other functions behind the
            authorizer get none.
    """

    service_id: str
    role: Role
    subscription_id: str | None = None
    scopes: frozenset[Scope] | None = None
    key_id: str | None = field(default=None, compare=False)
    rate_limit: int | None = field(default=None, compare=False)

    @property
    def admin(self) -> bool:
        """Whether the caller may see and do everything."""
        return self.role == "admin"

    def permits(self, scope: Scope) -> bool:
        """Returns whether the key has a scope; a key without a list of scopes has all."""
        return self.scopes is None or scope in self.scopes

    def need(self, scope: Scope) -> None:
        """Refuses the caller if its key lacks a scope.

        Raises:
            Forbidden: The key lacks this scope.
        """
        if not self.permits(scope):
            raise Forbidden(
                f"The key lacks the scope {scope}, which this operation needs.", reason="scope"
            )

    def context(self) -> dict[str, str]:
        """Returns the context that the authorizer passes on."""
        context = {"service_id": self.service_id, "role": self.role}
        if self.subscription_id:
            context["subscription_id"] = self.subscription_id
        if self.scopes is not None:
            context["scopes"] = " ".join(sorted(self.scopes))
        if self.key_id:
            context["key_id"] = self.key_id
        return context


def other_service(pointer: str, caller: Caller) -> Forbidden:
    """Returns the refusal of a service that names another one than itself.

    Args:
        pointer: Where the request names it: a JSON pointer, or the name of a parameter.
        caller: Who asks.
    """
    detail = f"must be {caller.service_id}, whose key was sent, or left out"
    return Forbidden.at(pointer, detail, "other_service")


def caller_of(context: Mapping[str, Any] | None) -> Caller:
    """Returns the caller that the authorizer found, if it has a key.

    Args:
        context: The authorizer's context. It has no service if no caller was found.

    Raises:
        Unauthenticated: There was no valid key.
        Unavailable: The authorizer could not identify the caller now.
        Failure: The authorizer failed.
    """
    caller = listener_of(context)
    if caller.role == "listener":
        raise Unauthenticated(
            "A stream token only permits listening; send an API key for this.", reason="scope"
        )
    return caller


def listener_of(context: Mapping[str, Any] | None) -> Caller:
    """Returns the caller that the authorizer found, by a key or a stream token.

    Args:
        context: What the authorizer passed on.

    Raises:
        Unauthenticated: There was neither a valid key nor a valid token.
        Unavailable: The authorizer could not identify the caller now.
        Failure: The authorizer failed.
    """
    context = context or {}
    if failed := _FAILED.get(context.get(PROBLEM, "")):
        raise failed("The caller could not be identified; send the request again.")
    if context.get("role") in get_args(Role) and context.get("service_id"):
        # Empty `scopes` permit nothing; a context without `scopes` permits everything.
        scopes = known(context["scopes"].split()) if "scopes" in context else None
        return Caller(
            context["service_id"],
            context["role"],
            context.get("subscription_id"),
            scopes,
            context.get("key_id"),
            int(context["rate_limit"]) if "rate_limit" in context else None,
        )
    given = context.get("reason")
    reason: Reason = next((each for each in _UNKNOWN if each == given), "no_key")
    raise Unauthenticated(_UNKNOWN[reason], reason=reason)
