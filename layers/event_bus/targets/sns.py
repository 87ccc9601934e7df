"""Delivery to SNS topics."""

from collections.abc import Sequence
from typing import Any, cast

from event_bus.model.outcome import Outcome
from event_bus.model.target import SnsTarget
from event_bus.targets.aws import BatchTransport, Packed, TargetClients, messages, outcomes_of


class SnsTransport(BatchTransport):
    """Publishes events to topics, up to ten in a request."""

    def __init__(self) -> None:
        super().__init__(TargetClients("sns"))

    def send(self, client: Any, batch: Sequence[Packed]) -> list[Outcome]:
        """Publishes a batch to its topic."""
        # A lane carries its own protocol alone.
        target = cast("SnsTarget", batch[0][0].subscription.target)
        answer = client.publish_batch(
            TopicArn=target.topic,
            PublishBatchRequestEntries=messages(batch, "Message", fifo=target.fifo),
        )
        return outcomes_of(batch, answer)
