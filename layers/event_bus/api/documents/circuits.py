"""Circuit breakers of subscriptions, as the API shows them."""

from typing_extensions import TypedDict

from event_bus import times
from event_bus.api.documents.members import Count, Time
from event_bus.model import circuit as circuits
from event_bus.model.circuit import CircuitState


class Circuit(TypedDict):
    """The circuit breaker of a subscription.

    Attributes:
        state: `closed`: attempts are made. `open`: none is made until `next_probe_at`. `half_open`:
            a probe is due or under way.
        consecutive_failures: The attempts that have failed since the last success.
        failing_since: When the first of them failed.
        next_probe_at: When the next probe is made; null if the circuit is closed.
    """

    state: CircuitState
    consecutive_failures: Count
    failing_since: Time | None
    next_probe_at: Time | None


def circuit_document(circuit: circuits.Circuit) -> Circuit:
    """Returns the circuit breaker of a subscription."""
    return {
        "state": circuit.state,
        "consecutive_failures": circuit.consecutive,
        "failing_since": times.at(circuit.failing_since) if circuit.failing_since else None,
        "next_probe_at": None if circuit.permits else times.at(circuit.until),
    }
