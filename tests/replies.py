"""Replies that are kept instead of being stored."""

from dataclasses import dataclass, field
from typing import Any, cast

from event_bus.commands.subscriber_replies import SubscriberReplies
from event_bus.model.outcome import Outcome
from event_bus.publishing.intake import Intake
from event_bus.publishing.replying import Replying
from event_bus.targets.transport import DeliveryRequest


@dataclass(frozen=True)
class KeptReplies(SubscriberReplies):
    """Keeps what would be published.

    Attributes:
        kept: The results, and whether each reports a failure.
    """

    intake: Intake = field(default_factory=lambda: cast("Intake", None))
    replying: Replying = field(default_factory=lambda: cast("Replying", None))
    kept: list[tuple[Any, bool]] = field(default_factory=list)

    def publish(self, _: DeliveryRequest, result: Any, *, failed: bool = False) -> Outcome:
        self.kept.append((result, failed))
        return Outcome()
