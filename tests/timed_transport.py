"""A transport whose target is waited for from the beginning of an attempt to its end."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from event_bus.model.outcome import Outcome
from event_bus.targets.answer_times import AnswerTimes
from event_bus.targets.transport import DeliveryRequest, Transport


@dataclass
class TimedTransport:
    """Measures the attempts of another transport, one at a time."""

    transport: Transport
    answers: AnswerTimes

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        return self.transport.batch_key(request)

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        with self.answers.waiting(requests[0].subscription.id):
            return self.transport.deliver(requests)
