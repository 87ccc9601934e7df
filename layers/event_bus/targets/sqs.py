"""Delivery to SQS queues."""

from collections.abc import Sequence
from typing import Any, cast

from event_bus.model.outcome import Outcome
from event_bus.model.target import SqsTarget
from event_bus.targets.aws import BatchTransport, Packed, TargetClients, messages, outcomes_of


class SqsTransport(BatchTransport):
    """Sends events to queues, up to ten in a request."""

    def __init__(self) -> None:
        super().__init__(TargetClients("sqs"))

    def send(self, client: Any, batch: Sequence[Packed]) -> list[Outcome]:
        """Sends a batch to its queue."""
        # A lane carries its own protocol alone.
        target = cast("SqsTarget", batch[0][0].subscription.target)
        answer = client.send_message_batch(
            QueueUrl=target.queue_url,
            Entries=messages(batch, "MessageBody", fifo=target.fifo),
        )
        return outcomes_of(batch, answer)
