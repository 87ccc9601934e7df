"""Targets of the type `lambda`: functions of AWS Lambda."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from botocore.exceptions import BotoCoreError, ClientError

from event_bus.model.outcome import KEPT_RESPONSE_BYTES, Outcome
from event_bus.targets.answer_times import AnswerTimes
from event_bus.targets.answers import reply_by, wants_reply
from event_bus.targets.aws_target import MEMBERS, AwsTarget, TaggedResource
from event_bus.targets.aws_transport import failure, json_body
from event_bus.targets.resources import AwsResources
from event_bus.targets.target_type import REPLYING, Grants, TargetType
from event_bus.targets.transport import DeliveryRequest, Sent

if TYPE_CHECKING:
    from event_bus.targets.answers import Replies
    from event_bus.targets.aws_clients import TargetClients

MAX_RESULT_BYTES = 1024 * 1024
"""The longest result that is published as a reply: no payload may be longer."""

_QUALIFIED_FUNCTION_PARTS = 7

FUNCTIONS = AwsResources(
    service="lambda",
    name=r"[A-Za-z0-9_-]{1,64}(?::[A-Za-z0-9_$-]{1,128})?",
    called="the ARN of a Lambda function",
    action="InvokeFunction",
    reads_tags="ListTags",
    kind="function:",
)


@dataclass(frozen=True, slots=True)
class LambdaTarget(AwsTarget):
    """A function.

    Attributes:
        function: The function's ARN, with a version or alias if one is meant.
        invocation: Whether its result is waited for.
        reply: Whether its result is published as the reply that the event asks for.
    """

    function: str
    invocation: Literal["async", "sync"] = "async"
    reply: bool = False
    type: Literal["lambda"] = field(default="lambda", kw_only=True)
    lane: ClassVar[str] = "lambda"
    paced: ClassVar[bool] = True

    @property
    def replies(self) -> bool:
        """Whether its result is published as the reply."""
        return self.reply

    @property
    def resource(self) -> TaggedResource:
        """The function; versions and aliases have the tags of their function."""
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html
        function = ":".join(self.function.split(":")[:_QUALIFIED_FUNCTION_PARTS])
        return TaggedResource(
            "function",
            self.function,
            "lambda",
            f"lambda tag-resource --resource {function} --tags",
            lambda client: client.list_tags(Resource=function).get("Tags", {}),
        )


@dataclass(frozen=True, slots=True)
class LambdaTransport:
    """Invokes functions.

    Attributes:
        replies: Makes the service that publishes replies, at the first reply.
        clients: The clients of Lambda.
        answers: Measures how long functions take to answer.
    """

    replies: "Callable[[], Replies]"
    clients: "TargetClients"
    answers: AnswerTimes = field(default_factory=AnswerTimes)

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """Returns a key that no other request has: each invocation carries one event."""
        return request.key

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Invokes the function with each event.

        The event is delivered once Lambda has queued an asynchronous invocation, or once the
        function of a synchronous one has returned.
        """
        return [self._attempt(request) for request in requests]

    def _attempt(self, request: DeliveryRequest) -> Outcome:
        try:
            return self._invoke(request)
        except (ClientError, BotoCoreError) as error:
            return failure(error)

    def _invoke(self, request: DeliveryRequest) -> Outcome:
        target = cast("LambdaTarget", request.subscription.target)
        client, payload = self.clients.of(request), json_body(request).encode()
        with self.answers.waiting(request.subscription.id):
            answer = client.invoke(
                FunctionName=target.function,
                InvocationType="Event" if target.invocation == "async" else "RequestResponse",
                Payload=payload,
            )
            # One byte above the limit shows that the result is too long. Lambda returns 6 MB at
            # most, which would take a hundred when read as JSON, for each event of the batch.
            returned = answer["Payload"].read(MAX_RESULT_BYTES + 1)
        begun = returned[:KEPT_RESPONSE_BYTES].decode(errors="replace")
        if error := answer.get("FunctionError"):
            return Outcome("function_error", f"the function failed ({error})", response=begun)
        if target.replies and wants_reply(request):
            return replace(self._replied(request, returned), response=begun)
        return Outcome(response=begun)

    def _replied(self, request: DeliveryRequest, returned: bytes) -> Outcome:
        if len(returned) > MAX_RESULT_BYTES:
            said = f"the result has more than {MAX_RESULT_BYTES} bytes"
            return self.replies().refuse(request, said)
        return reply_by(request, self.replies(), returned)


TARGET = TargetType(
    name="Lambda",
    settings=LambdaTarget,
    transport=lambda deployment: LambdaTransport(
        cache(deployment.replies), deployment.aws_clients("lambda")
    ),
    sent=lambda request: Sent(json_body(request)),
    grants=Grants(
        resources=FUNCTIONS,
        **REPLYING,
    ),
    members={
        "function": "The ARN of the function; a version or an alias may follow.",
        "invocation": "Whether the bus waits for the result (`sync`) or Lambda queues the event.",
        "reply": "Whether the result is published as the reply that the event asks for.",
        **MEMBERS,
    },
)
