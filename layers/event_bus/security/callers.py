"""The caller of a request: what the authorizer found out, as the functions behind it see it."""

from dataclasses import dataclass
from typing import Any, Literal

from event_bus.errors import Unauthenticated

ADMIN = "admin"
"""The service that an admin key stands for."""

Role = Literal["service", "admin"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request.

    Attributes:
        service_id: The service whose key was sent.
        role: Whether the key is a service's or an admin's. What a service may do follows from
            what is registered for it: a publisher, subscriptions, or both.
    """

    service_id: str
    role: Role

    @property
    def admin(self) -> bool:
        """Whether the caller may see and do everything."""
        return self.role == "admin"

    def context(self) -> dict[str, str]:
        """What the authorizer hands on."""
        return {"service_id": self.service_id, "role": self.role}


def caller_of(context: dict[str, Any] | None) -> Caller:
    """The caller that the authorizer found.

    Args:
        context: What the authorizer handed on; it hands on no service where there is none.

    Raises:
        Unauthenticated: There was no key, or one that is not known.
    """
    context = context or {}
    if context.get("role") in ("service", "admin") and context.get("service_id"):
        return Caller(context["service_id"], context["role"])
    raise Unauthenticated(
        context.get("reason")
        or "Send an API key in the header x-api-key, or as Authorization: Bearer."
    )
