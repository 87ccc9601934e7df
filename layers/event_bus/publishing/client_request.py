"""The request by which a client publishes."""

from collections.abc import Mapping
from dataclasses import dataclass

from event_bus.access.callers import Caller
from event_bus.model.event import EventOrigin
from event_bus.model.trace_context import trace_in


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """What a request says beside the events that it publishes.

    Attributes:
        trace: The trace context of the request, as metadata.
        ip_address: The address of the client, if known.
    """

    trace: Mapping[str, str] | None = None
    ip_address: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str], ip_address: str | None) -> "ClientRequest":
        """Reads the trace context from the headers of a request."""
        return cls(trace_in(headers), ip_address)

    def origin(self, caller: Caller) -> EventOrigin:
        """Returns the origin of the events that a caller publishes by it."""
        return EventOrigin(caller.service_id, caller.key_id, self.ip_address)


NO_REQUEST = ClientRequest()
"""For events that are published without a request to the API."""
