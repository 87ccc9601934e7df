"""Calls the enrichment function for events of ordered subscriptions, when their turn comes."""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from event_bus.log import logger, traces
from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.subscription import Subscription
from event_bus.queues.message import Message, from_json
from event_bus.targets.answer_times import AnswerTimes

CALL_SECONDS = 12
"""The longest duration of a call, in seconds: longer than all sources of an enrichment."""

ENRICHMENT_FAILED = "enrichment_failed"
"""The error code of a delivery whose enrichment failed."""


class SubscriptionChanged(Exception):
    """The enrichment function knows a newer version of the subscription than its caller.

    Attributes:
        version: That version.
    """

    def __init__(self, version: int) -> None:
        super().__init__(f"the subscription has the version {version}")
        self.version = version


@dataclass(frozen=True, slots=True)
class EnrichmentCalls:
    """Enriches events by calling the enrichment function, the only one that may ask sources.

    Attributes:
        client: A client of Lambda that calls once, and waits for `CALL_SECONDS` at most.
        function: The name of the function.
        answers: Measures the calls. The lane waits for slow sources as for a slow subscriber, so
            their subscription belongs on the slow lane, too. None if the protocol has no such
            lane.
    """

    client: Any
    function: str
    answers: AnswerTimes | None = None

    def enriched(
        self, key: DeliveryKey, event: Event, subscription: Subscription
    ) -> bytes | Outcome:
        """Returns what is added to an event, as a JSON object, or a failed outcome.

        Raises:
            SubscriptionChanged: The result belongs to a newer version of the subscription.
        """
        answers = self.answers
        measured = answers.waiting(subscription.id, only_slow=True) if answers else nullcontext()
        try:
            with measured:
                answer = self.client.invoke(
                    FunctionName=self.function,
                    InvocationType="RequestResponse",
                    Payload=call_of(key, event, subscription),
                )
                returned = orjson.loads(answer["Payload"].read())
        except (ClientError, BotoCoreError, orjson.JSONDecodeError):
            logger.exception("enrichment function not called", **traces(event))
            return Outcome(ENRICHMENT_FAILED, "the enrichment function did not answer")
        if answer.get("FunctionError"):
            return Outcome(ENRICHMENT_FAILED, "the enrichment function failed")
        # A function of an earlier release omits it.
        version = returned.get("subscription_version", 0)
        if version > subscription.version:
            raise SubscriptionChanged(version)
        return read_answer(returned)


def call_of(key: DeliveryKey, event: Event, subscription: Subscription) -> bytes:
    """Makes the input of the function."""
    message = Message(
        key.event_id,
        key.subscription_id,
        subscription.service_id,
        subscription.version,
        event,
        replay_id=key.replay_id,
    )
    return orjson.dumps({"enrich": message.to_json()})


def called_with(call: dict[str, Any]) -> Message | None:
    """Reads the message from the input of the function; None if a queue calls it."""
    return from_json(call["enrich"]) if "enrich" in call else None


def answer_of(found: bytes | Outcome, version: int = 0) -> dict[str, Any]:
    """Makes the result of the function.

    Args:
        found: What is added to the event, or a failed outcome.
        version: The version of the subscription that asks for it; 0 without a subscription.
    """
    if isinstance(found, Outcome):
        return {
            "subscription_version": version,
            "code": found.code,
            "message": found.message,
            "unsendable": found.unsendable,
            "retry_after": found.retry_after,
        }
    return {"subscription_version": version, "enrichment": found.decode()}


def read_answer(answer: dict[str, Any]) -> bytes | Outcome:
    """Reads the result of the function."""
    if "enrichment" in answer:
        enrichment: str = answer["enrichment"]
        return enrichment.encode()
    return Outcome(
        answer["code"],
        answer["message"],
        unsendable=answer["unsendable"],
        # A function of an earlier release omits it.
        retry_after=answer.get("retry_after"),
    )
