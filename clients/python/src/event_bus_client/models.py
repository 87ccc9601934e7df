"""The documents of the bus. Members of later versions of the bus are kept, not refused."""

import base64
import builtins
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from event_bus_client.errors import Fault, NoEvent, Problem, problem
from event_bus_client.times import Time

Model = TypeVar("Model", bound=BaseModel)
Item = TypeVar("Item")


class Document(BaseModel):
    """A document of the bus; members of later versions are attributes, too."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Metadata(Document):
    """The metadata of an event. Each further key that the publisher sent is an attribute, too.

    Attributes:
        correlation_id: Links the events of one business process.
        causation_id: The event that caused this one.
        trace_id: The trace that it belongs to.
        version: The version of its schema.
        reply_to: The type of the replies to it.
        retry_count: A number of the publisher's own.
        hop_count: The number of events in the chain of causes before it.
        stream_id: The stream it belongs to.
        stream_version: Its number in the stream, from 1 on.
        traceparent: Its W3C trace context.
        tracestate: Its W3C trace state.
        deduplication_key: The key of which the bus stores one event in a window of time.
        deduplication_window: The length of the window, in minutes.
        expect_replies: The number of replies that a command expects.
        deadline: The time, RFC 3339, after which a command is not delivered.
        replay_id: The replay that delivers it.
        reply_for: The one service that a reply is for.
        reply_status: What a reply reports: `succeeded` or `failed`.
        audience: The service that an event of the bus itself is for.
        about: The subscription that an event of the bus itself is about.
    """

    correlation_id: str | None = None
    causation_id: str | None = None
    trace_id: str | None = None
    version: str | None = None
    reply_to: str | None = None
    retry_count: int | None = None
    hop_count: int | None = None
    stream_id: str | None = None
    stream_version: int | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    deduplication_key: str | None = None
    deduplication_window: int | None = None
    expect_replies: int | None = None
    deadline: str | None = None
    replay_id: str | None = None
    reply_for: str | None = None
    reply_status: str | None = None
    audience: str | None = None
    about: str | None = None


class Event(Document):
    """An event, as it is received or read back.

    Attributes:
        id: Its id.
        type: Its type, such as `order.placed`.
        source: The service that published it.
        timestamp: When it happened.
        payload: What it says; None if it was left out because it is large, or is not JSON.
        content_type: The media type of a payload that is not JSON; None for JSON.
        payload_base64: The bytes of a payload that is not JSON, in base64; see `content`.
        metadata: Its metadata.
        enrichment: What the subscription's enrichment has added, by the names of the parts; None
            if the subscription has none.
    """

    id: str
    type: str
    source: str
    timestamp: Time
    payload: dict[str, Any] | None = None
    content_type: str | None = None
    payload_base64: str | None = None
    metadata: Metadata = Field(default_factory=Metadata)
    enrichment: dict[str, Any] | None = None

    @property
    def content(self) -> bytes | None:
        """The bytes of a payload that is not JSON; None for JSON."""
        return None if self.payload_base64 is None else base64.b64decode(self.payload_base64)

    def payload_as(self, model: builtins.type[Model]) -> Model:
        """Reads the payload as a pydantic model.

        Raises:
            pydantic.ValidationError: The payload does not fit the model.
        """
        return model.model_validate(self.payload)


class StoredEvent(Event):
    """An event that was read back.

    Attributes:
        created_at: When the bus stored it.
        processed: Whether it was routed to its subscriptions.
        payload_bytes: The length of the payload as the bus keeps it, JSON or base64.
        updated_at: When the event, its routing or one of its deliveries last changed. Lists leave
            it out.
        matching_limited: Whether matching reached a limit, so that it left out parts of the event,
            or filters. Lists leave it out.
        deliveries: Its deliveries, by subscription. Lists leave them out.
        deliveries_complete: Whether these are all its deliveries. Lists leave it out.
    """

    created_at: Time
    processed: bool
    payload_bytes: int | None = None
    updated_at: Time | None = None
    matching_limited: bool | None = None
    deliveries: list[dict[str, Any]] | None = None
    deliveries_complete: bool | None = None

    @property
    def schema_check(self) -> dict[str, Any] | None:
        """The member `schema`, whose name pydantic has taken; None if its type had no schema.

        It has the `version` of the schema that the event was checked against, and says whether the
        event was `valid`.
        """
        return (self.model_extra or {}).get("schema")


class NewEvent(Document):
    """An event to publish.

    Attributes:
        type: Its type.
        payload: What it says: a JSON object, or bytes of another media type.
        content_type: The media type of bytes; None is `application/octet-stream`.
        id: Its id; the client makes one if it is None.
        source: The service that it is from; None is the key's own.
        timestamp: When it happened; None is now.
        metadata: Its metadata.
        sensitive: JSON pointers of members that few may read, or True for the whole payload.
        stream: The stream that it is appended to: its `id`, and the `expected_version` if any.
    """

    # By default, pydantic writes NaN and infinities as null, and nobody would learn of it.
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    type: str
    payload: dict[str, Any] | bytes
    content_type: str | None = None
    id: str | None = None
    source: str | None = None
    timestamp: datetime | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    sensitive: bool | list[str] | None = None
    stream: dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """Returns the event as it is sent."""
        shown = self.model_dump(mode="json", exclude_none=True, exclude={"payload"})
        if isinstance(self.payload, bytes):
            return {**shown, "payload_base64": base64.b64encode(self.payload).decode()}
        return {**shown, **self.model_dump(mode="json", include={"payload"})}

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "NewEvent":
        """Reads an event as it is sent."""
        members = dict(document)
        if (encoded := members.pop("payload_base64", None)) is not None:
            members["payload"] = base64.b64decode(encoded)
        return cls.model_validate(members)


class Receipt(Document):
    """The answer of the bus for a stored event.

    Attributes:
        id: The event.
        type: Its type.
        source: Its source.
        timestamp: When it happened.
        created_at: When it was stored.
        stream: The `id` of its stream, and its `version` there; None if it is in no stream.
        deduplicated: Whether it is an earlier event with the same deduplication key.
        warnings: Violations of the type's schema, if its validation only warns.
    """

    id: str
    type: str
    source: str
    timestamp: Time
    created_at: Time
    stream: dict[str, Any] | None = None
    deduplicated: bool = False
    warnings: list[Fault] = Field(default_factory=list)


class Result(Document):
    """The result of one event of a batch.

    Attributes:
        id: The event's id.
        receipt: What was stored; None if the event was refused.
        problem: Why it was refused; None if it was stored.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    id: str
    receipt: Receipt | None = None
    problem: Problem | None = None


class Received(Document):
    """An event from an inbox.

    Attributes:
        cursor: Its place in the inbox.
        delivery_id: The same if a delivery is repeated; deduplicate by it.
        content: The event as JSON, or what the subscription's transform makes of it; None if
            there is an error.
        error: The code and the detail, if the transform failed or the bus cannot read the event;
            None otherwise.
    """

    cursor: str
    delivery_id: str
    content: Any = Field(alias="event")
    error: dict[str, str] | None = None

    @cached_property
    def event(self) -> Event:
        """The event.

        Raises:
            NoEvent: There is an error instead.
            pydantic.ValidationError: The subscription's transform makes something else of it.
        """
        if self.error is not None:
            raise NoEvent(self.error.get("code", ""), self.error.get("detail", ""))
        return Event.model_validate(self.content)


class StreamEvent(Document):
    """An event in its stream.

    Attributes:
        version: Its number in the stream, from 1 on.
        event: The event.
    """

    version: int
    event: StoredEvent


class Appended(Document):
    """Events that were appended to a stream.

    Attributes:
        source: The service that publishes the stream.
        stream_id: The stream.
        version: The version of the last of them.
        events: The stored events, in their order.
    """

    source: str
    stream_id: str
    version: int
    events: list[Receipt]


class Key(Document):
    """A key of a service.

    Attributes:
        id: Its id.
        service_id: The service.
        type: `api_key`, `mtls` or `iam`.
        stands_for: A certificate's subject, or the ARN of a role or user of IAM.
        name: Its name for people.
        scopes: What it permits.
        created_at: When it was made.
        expires_at: When it ends; None for never.
        last_used_at: When it was last used, up to five minutes late.
        rate_limit: Requests a second; None for the limit of all keys.
        replaced_by: The key that replaced it in a rotation.
        authentication: The generated key, in the one answer that shows it; see `api_key`.
    """

    id: str
    service_id: str
    type: str
    stands_for: str | None = None
    name: str | None = None
    scopes: list[str]
    created_at: Time
    expires_at: Time | None = None
    last_used_at: Time | None = None
    rate_limit: int | None = None
    replaced_by: str | None = None
    authentication: dict[str, str] | None = Field(default=None, repr=False)

    @property
    def api_key(self) -> str | None:
        """The generated key; None in lists, and if you chose it."""
        return (self.authentication or {}).get("api_key")


class ContextEntry(Document):
    """An entry of a context.

    Attributes:
        service_id: The service that the context belongs to.
        context: The context.
        key: The entry's key.
        version: How often it was written, from 1 on.
        updated_at: When it was written last.
        value: Any JSON.
    """

    service_id: str
    context: str
    key: str
    version: int
    updated_at: Time
    value: Any


class StreamToken(Document):
    """A token with which a browser receives events.

    Attributes:
        token: The token.
        expires_at: When it ends.
    """

    token: str
    expires_at: Time


class Page(BaseModel, Generic[Item]):
    """A page of a list.

    Attributes:
        items: Its items.
        next_cursor: Where the next page begins; None on the last one.
    """

    model_config = ConfigDict(frozen=True)

    items: Sequence[Item]
    next_cursor: str | None


def results_of(batch: Sequence[Mapping[str, Any]], document: Mapping[str, Any]) -> list[Result]:
    """Reads the outcomes of a batch.

    Args:
        batch: The events, as they were sent.
        document: The answer.

    Raises:
        ValueError: There is not one outcome for each event.
    """
    return [
        result(event["id"], each) for event, each in zip(batch, document["results"], strict=True)
    ]


def result(event_id: str, document: Mapping[str, Any]) -> Result:
    """Reads the outcome of one event of a batch."""
    if "error" in document:
        refusal = document["error"]
        return Result(id=event_id, problem=problem(int(document["status"]), refusal))
    return Result(id=event_id, receipt=Receipt.model_validate(document))
