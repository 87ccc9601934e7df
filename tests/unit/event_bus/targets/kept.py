"""A transport that keeps what it is given."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from event_bus.model.outcome import Outcome
from event_bus.targets.transport import DeliveryRequest


@dataclass
class Kept:
    """Keeps requests, and gives each the same outcome."""

    outcome: Outcome = field(default_factory=lambda: Outcome(status_code=204))
    requests: list[DeliveryRequest] = field(default_factory=list)

    def batch_key(self, request: DeliveryRequest) -> str:
        return request.subscription.id

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        self.requests += requests
        return [self.outcome] * len(requests)
