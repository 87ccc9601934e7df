"""Sources of the type `lambda`: results of functions that are invoked with the event."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from event_bus import json_numbers
from event_bus.enrichment.results import part_of
from event_bus.enrichment.sources import Question, SourceFailed, text_at
from event_bus.model.enrichment import MAX_PART_BYTES, LambdaSource
from event_bus.model.subscription import Subscription
from event_bus.targets.aws_transport import failure
from event_bus.transforms.event_parts import EventParts

if TYPE_CHECKING:
    from event_bus.targets.aws_clients import TargetClients

_FOR_GOOD = ("access_denied", "target_not_found", "target_refused")


@dataclass(frozen=True, slots=True)
class FunctionAsker:
    """Invokes functions, and waits for their results.

    Attributes:
        clients: The clients of Lambda.
    """

    clients: "TargetClients"

    def question(
        self,
        source: LambdaSource,
        subscription: Subscription,  # noqa: ARG002
        parts: EventParts,
    ) -> Question:
        """Makes the question to a function, whose input is the event with all its members.

        Raises:
            SourceFailed: The event lacks the value that is the key of the cache.
        """
        key = text_at(source.key, parts) if source.key else None

        def ask() -> bytes:
            try:
                client = self.clients.by_role(
                    source.role_arn, source.external_id or "", source.timeout
                )
                answer = client.invoke(
                    FunctionName=source.function,
                    InvocationType="RequestResponse",
                    Payload=json_numbers.dumps(parts.whole()),
                )
                # One byte above the limit shows that the result is too large.
                result = answer["Payload"].read(MAX_PART_BYTES + 1)
            except (ClientError, BotoCoreError) as error:
                outcome = failure(error)
                again = outcome.code not in _FOR_GOOD
                raise SourceFailed(
                    f"the function gave no result: {outcome.message}", again=again
                ) from None
            if answer.get("FunctionError"):
                raise SourceFailed("the function failed", again=True)
            return part_of(result)

        asked = (source.function, source.role_arn, source.key, key) if key else None
        return Question(ask, asked, guarded=True)
