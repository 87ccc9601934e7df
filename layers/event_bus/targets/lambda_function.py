"""Delivery to Lambda functions."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from event_bus import strict_json
from event_bus.callbacks.client import KEPT_RESPONSE_BYTES
from event_bus.errors import MalformedRequest
from event_bus.model.outcome import Outcome
from event_bus.model.target import LambdaTarget
from event_bus.targets.answer_times import AnswerTimes
from event_bus.targets.aws import TargetClients, body, failure
from event_bus.targets.transport import DeliveryRequest

Reply = Callable[[DeliveryRequest, Any], Outcome]
"""Publishes what a function returned as the reply to an event."""


@dataclass(frozen=True, slots=True)
class LambdaTransport:
    """Invokes functions.

    Attributes:
        reply: Publishes replies.
        clients: The clients of Lambda.
        answers: Measures how long functions take to answer.
    """

    reply: Reply
    clients: TargetClients = field(default_factory=lambda: TargetClients("lambda"))
    answers: AnswerTimes = field(default_factory=AnswerTimes)

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """Each invocation carries one event."""
        return request.key

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Invokes the function with each event.

        An asynchronous one has it delivered when Lambda has queued it, a synchronous one when the
        function has returned.
        """
        return [self._attempt(request) for request in requests]

    def _attempt(self, request: DeliveryRequest) -> Outcome:
        try:
            return self._invoke(request)
        except (ClientError, BotoCoreError) as error:
            return failure(error)

    def _invoke(self, request: DeliveryRequest) -> Outcome:
        target = cast("LambdaTarget", request.subscription.target)
        client, payload = self.clients.of(request), body(request).encode()
        with self.answers.waiting(request.subscription.id):
            answer = client.invoke(
                FunctionName=target.function,
                InvocationType="Event" if target.invocation == "async" else "RequestResponse",
                Payload=payload,
            )
            returned = answer["Payload"].read()
        begun = returned[:KEPT_RESPONSE_BYTES].decode(errors="replace")
        if error := answer.get("FunctionError"):
            return Outcome("function_error", f"the function failed ({error})", response=begun)
        if target.reply and request.event.metadata.get("reply_to"):
            try:
                result = strict_json.parse(returned)
            except MalformedRequest:
                return Outcome("reply_refused", "the result is not JSON", response=begun)
            return self.reply(request, result)
        return Outcome(response=begun)
