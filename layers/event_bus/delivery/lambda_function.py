"""Delivery to Lambda functions."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from event_bus import strict_json
from event_bus.callbacks.client import KEPT_RESPONSE_BYTES
from event_bus.delivery.aws import TargetClients, body, failure
from event_bus.delivery.outcome import Outcome, Parcel
from event_bus.errors import MalformedRequest
from event_bus.model.target import LambdaTarget

Reply = Callable[[Parcel, Any], Outcome]
"""Publishes what a function returned as the reply to an event."""


@dataclass(frozen=True, slots=True)
class LambdaTransport:
    """Invokes functions.

    Attributes:
        reply: Publishes replies.
        clients: The clients of Lambda.
    """

    reply: Reply
    clients: TargetClients = field(default_factory=lambda: TargetClients("lambda"))

    def together(self, parcel: Parcel) -> Hashable:
        """Each invocation carries one event."""
        return parcel.key

    def deliver(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Invokes the function with each event.

        An asynchronous one has it delivered when Lambda has queued it, a synchronous one when the
        function has returned.
        """
        return [self._attempt(parcel) for parcel in parcels]

    def _attempt(self, parcel: Parcel) -> Outcome:
        try:
            return self._invoke(parcel)
        except (ClientError, BotoCoreError) as error:
            return failure(error)

    def _invoke(self, parcel: Parcel) -> Outcome:
        target = cast("LambdaTarget", parcel.subscription.target)
        answer = self.clients.of(parcel).invoke(
            FunctionName=target.function,
            InvocationType="Event" if target.invocation == "async" else "RequestResponse",
            Payload=body(parcel).encode(),
        )
        returned = answer["Payload"].read()
        begun = returned[:KEPT_RESPONSE_BYTES].decode(errors="replace")
        if error := answer.get("FunctionError"):
            return Outcome("function_error", f"the function failed ({error})", response=begun)
        if target.reply and parcel.event.metadata.get("reply_to"):
            try:
                result = strict_json.parse(returned)
            except MalformedRequest:
                return Outcome("reply_refused", "the result is not JSON", response=begun)
            return self.reply(parcel, result)
        return Outcome(response=begun)
