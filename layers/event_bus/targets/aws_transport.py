"""The common part of transports to AWS: requests of several events, and their errors."""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    ReadTimeoutError,
)

from event_bus import aws_codes
from event_bus.aws_text import accepted, json_text
from event_bus.batches import batches, by_halves
from event_bus.model.event import Event
from event_bus.model.outcome import KEPT_RESPONSE_BYTES, Outcome
from event_bus.targets.envelope import delivery_trace, envelope
from event_bus.targets.transport import DeliveryRequest, Sent
from event_bus.transforms.limits import MAX_ATTRIBUTES

if TYPE_CHECKING:
    from event_bus.targets.aws_clients import TargetClients

_FIFO_ID_LENGTH = 128
_LEAST_NUMBER, _LARGEST_NUMBER = 1e-128, 1e126
_TRACE_ID = re.compile(r"[0-9a-f]{32}")

Packed = tuple[DeliveryRequest, str]
"""A delivery request, and its event as the target receives it."""


class BatchTransport(ABC):
    """Delivers to a service that takes several events in one request.

    Attributes:
        clients: The clients of the service.
    """

    def __init__(self, clients: "TargetClients") -> None:
        self.clients = clients

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """Returns the target, and the service in whose name it is reached."""
        return request.subscription.target, request.subscription.service_id

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Sends each event; an event that the service accepted is delivered."""
        outcomes: list[Outcome] = []
        packed = [(request, body(request)) for request in requests]
        for batch in batches(packed, lambda each: len(each[1].encode())):
            outcomes += by_halves(
                batch, lambda part: self.send(self.clients.of(requests[0]), part), failure
            )
        return outcomes

    @abstractmethod
    def send(self, client: Any, batch: Sequence[Packed]) -> list[Outcome]:
        """Makes one call to AWS for requests of the same batch key.

        Returns:
            The outcome of each, in their order.

        Raises:
            ClientError: It refused the request.
        """


def failure(error: ClientError | BotoCoreError) -> Outcome:
    """Returns the outcome of a delivery whose request failed."""
    if isinstance(error, ClientError):
        refusal = error.response["Error"]
        return refused(refusal["Code"], refusal["Message"])
    if isinstance(error, ReadTimeoutError | ConnectTimeoutError):
        return Outcome("timeout", "AWS did not answer in time")
    return Outcome("connection_broken", "the connection to AWS broke")


def refused(code: str, message: str) -> Outcome:
    """Returns the outcome of a delivery for an error code of AWS."""
    word = aws_codes.word(code)
    for found, codes, said in (
        (
            "access_denied",
            aws_codes.DENIED,
            "the bus may not deliver to the target: its owner has not opted it in by the tag, or a "
            "policy or role forbids it",
        ),
        ("target_not_found", aws_codes.MISSING, "the target does not exist"),
        ("throttled", aws_codes.THROTTLED, "AWS throttled the request"),
    ):
        if word.startswith(codes):
            return Outcome(found, f"{said} ({word})", response=message[:KEPT_RESPONSE_BYTES])
    return Outcome(
        "target_refused", f"the target refused ({word})", response=message[:KEPT_RESPONSE_BYTES]
    )


def outcomes_of(batch: Sequence[Packed], answer: dict[str, Any]) -> list[Outcome]:
    """Returns the outcome of each entry of a batch from the answer of SQS or SNS."""
    failed = {each["Id"]: each for each in answer.get("Failed", [])}
    return [
        refused(entry["Code"], entry.get("Message", ""))
        if (entry := failed.get(str(place)))
        else Outcome()
        for place in range(len(batch))
    ]


def body(request: DeliveryRequest) -> str:
    """Returns the event as the target receives it."""
    made = request.shaped
    if made is None:
        return json_text(envelope(request.key, request.event, request.enrichment))
    return json_text(orjson.Fragment(made.body)) if made.is_json else made.as_text()


def json_body(request: DeliveryRequest) -> str:
    """Returns the event for a target that takes only JSON; another text becomes a JSON string."""
    made = request.shaped
    return json_text(orjson.Fragment(made.as_json())) if made else body(request)


def sent_to_aws(request: DeliveryRequest) -> Sent:
    """Returns what SQS or SNS receives."""
    return Sent(body(request), attributes=_attributes(request))


def xray_header(event: Event) -> str | None:
    """Returns the trace of an event as X-Ray writes it; None if its trace id is not a W3C one."""
    # https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html
    trace_id = event.metadata.get("trace_id", "")
    if not _TRACE_ID.fullmatch(trace_id):
        return None
    return f"Root=1-{trace_id[:8]}-{trace_id[8:]}"


def messages(batch: Sequence[Packed], member: str, *, fifo: bool) -> list[dict[str, Any]]:
    """Returns the entries of a batch for SQS or SNS, each with its place as its id.

    Args:
        batch: What is sent.
        member: What the service calls a message's body.
        fifo: Whether the target is a FIFO queue or a FIFO topic.
    """
    return [
        {
            "Id": str(place),
            member: text,
            "MessageAttributes": _attributes(request),
            **(_fifo_members(request) if fifo else {}),
        }
        for place, (request, text) in enumerate(batch)
    ]


def _attributes(request: DeliveryRequest) -> dict[str, Any]:
    # Queues and topics can filter by these without reading the body. An attribute has no escapes,
    # so a value that AWS does not accept is only in the body.
    event = request.event
    context = delivery_trace(request.key, event)
    made = request.shaped
    own = {
        "id": event.id,
        "type": event.type,
        "source": event.source,
        "correlation_id": event.metadata.get("correlation_id"),
        "trace_id": event.metadata.get("trace_id"),
        "traceparent": context and context.traceparent,
        "replay_id": request.key.replay_id,
    }
    words: dict[str, Any] = own if made is None else {**own, **made.attributes}
    if made:
        # The subscription's attributes come first if there is no room for all.
        order = [*made.attributes, *(own if made.bus_attributes else ())]
        words = {name: words[name] for name in dict.fromkeys(order)}
    allowed = {name: each for name, word in words.items() if (each := _attribute(word))}
    return dict(list(allowed.items())[:MAX_ATTRIBUTES])


def _attribute(value: Any) -> dict[str, str] | None:
    if isinstance(value, int | float):
        # SQS refuses any other number
        # (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html).
        fits = value == 0 or _LEAST_NUMBER <= abs(value) <= _LARGEST_NUMBER
        return {"DataType": "Number" if fits else "String", "StringValue": str(value)}
    if value and accepted(value):
        return {"DataType": "String", "StringValue": value}
    return None


def _fifo_members(request: DeliveryRequest) -> dict[str, str]:
    # The group keeps the order of the stream, and SQS drops repetitions.
    stream = request.event.stream
    return {
        "MessageGroupId": _short(stream.text if stream else request.event.id),
        "MessageDeduplicationId": _short(request.key.webhook_id),
    }


def _short(name: str) -> str:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html:
    # letters, digits and punctuation of ASCII.
    if len(name) <= _FIFO_ID_LENGTH and all("!" <= character <= "~" for character in name):
        return name
    return hashlib.sha256(name.encode()).hexdigest()
