"""Publishers, subscribers and keys."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from event_bus import times
from event_bus.api.documents.members import Page, Time
from event_bus.model import rights
from event_bus.model.api_keys import ApiKey, CredentialType
from event_bus.model.publisher import Publisher as StoredPublisher
from event_bus.model.scopes import SCOPES, Scope
from event_bus.model.sensitive import WHOLE


class GeneratedKey(TypedDict):
    """A key in the one answer that shows it.

    Attributes:
        type: The kind of credential.
    """

    type: Literal["api_key"]
    api_key: Annotated[str, Field(description="The generated key; it is not shown again.")]


class WithGeneratedKey(TypedDict):
    """The credentials in the one answer that shows the key.

    Attributes:
        authentication: The key, if the bus generated one.
    """

    authentication: NotRequired[GeneratedKey]


class Publisher(TypedDict):
    """A service that publishes.

    Attributes:
        id: The publisher: the same as `service_id`.
        service_id: The service.
        name: A name for people.
        event_types: The types and patterns that it may publish.
        sensitive_readers: The services that may read the sensitive parts.
        stream_categories: The categories of streams to which it may append; empty for all.
        kept_stream_categories: The categories of its streams whose events never expire.
        created_at: When it was registered.
        updated_at: When it last changed.
    """

    id: str
    service_id: str
    name: str
    event_types: list[str]
    sensitive: Annotated[
        dict[str, Literal[True] | list[str]],
        Field(
            description="The JSON pointers of the sensitive parts of payloads, by type pattern; "
            "true for the whole payload."
        ),
    ]
    sensitive_readers: list[
        Annotated[str, Field(description="A service that may read the sensitive parts.")]
    ]
    restricted: Annotated[
        dict[str, list[str]],
        Field(description="The only services that may receive a type, by type pattern."),
    ]
    stream_categories: list[
        Annotated[
            str,
            Field(
                description="A category of streams to which it may append; without any, it may "
                "append to all."
            ),
        ]
    ]
    kept_stream_categories: list[
        Annotated[str, Field(description="A category of its streams whose events never expire.")]
    ]
    created_at: Time
    updated_at: Time


class CreatedPublisher(Publisher, WithGeneratedKey):
    """A publisher that was registered, with its generated key, if any."""


class PublisherPage(Page):
    """A page of publishers."""

    items: list[Publisher]


class Subscriber(TypedDict):
    """The types that a service may receive.

    Attributes:
        id: The subscriber: the same as `service_id`.
        service_id: The service.
        created_at: When types were first given to it.
        updated_at: When its types last changed.
    """

    id: str
    service_id: str
    event_types: Annotated[
        list[str],
        Field(description="The types that the service may receive, beside its own events."),
    ]
    created_at: Time
    updated_at: Time


class SubscriberPage(Page):
    """A page of subscribers."""

    items: list[Subscriber]


class Key(TypedDict):
    """A key of a service, without its secret.

    Attributes:
        id: The id of the key, which is not secret.
        service_id: The service that the key belongs to.
        type: The kind of credential.
        name: A name for people; null for none.
        scopes: What the key permits.
        created_at: When the key was made.
        expires_at: When the key ends; null for never.
    """

    id: str
    service_id: str
    type: CredentialType
    stands_for: Annotated[
        str | None,
        Field(description="A certificate's subject, or the ARN of a role or user of IAM."),
    ]
    name: str | None
    scopes: list[Scope]
    created_at: Time
    expires_at: Time | None
    last_used_at: Annotated[Time | None, Field(description="Up to five minutes late.")]
    rate_limit: Annotated[
        int | None,
        Field(description="Its own limit, in requests a second; null if the default applies."),
    ]
    replaced_by: Annotated[str | None, Field(description="The key that replaced it in a rotation.")]


class CreatedKey(Key, WithGeneratedKey):
    """A key that was made, with its secret if the bus generated one."""


class KeyList(TypedDict):
    """The keys of a service.

    Attributes:
        items: The keys, the oldest first.
    """

    items: list[Key]


def publisher_document(publisher: StoredPublisher) -> Publisher:
    """Returns a publisher."""
    return {
        "id": publisher.service_id,
        "service_id": publisher.service_id,
        "name": publisher.name,
        "event_types": publisher.event_types,
        "sensitive": {
            pattern: True if pointers == [WHOLE] else pointers
            for pattern, pointers in publisher.sensitive.items()
        },
        "sensitive_readers": publisher.sensitive_readers,
        "restricted": publisher.restricted,
        "stream_categories": publisher.stream_categories,
        "kept_stream_categories": publisher.kept_stream_categories,
        "created_at": publisher.created_at,
        "updated_at": publisher.updated_at,
    }


def created_publisher_document(publisher: StoredPublisher, api_key: str | None) -> CreatedPublisher:
    """Returns a publisher in the one answer that shows its generated key."""
    return {**publisher_document(publisher), **generated_key(api_key)}


def subscriber_document(grant: rights.Grant) -> Subscriber:
    """Returns the types that a service may receive."""
    return {
        "id": grant.service_id,
        "service_id": grant.service_id,
        "event_types": grant.event_types or [],
        "created_at": grant.created_at,
        "updated_at": grant.updated_at,
    }


def key_document(key: ApiKey) -> Key:
    """Returns a key, without its secret."""
    return {
        "id": key.id,
        "service_id": key.service_id,
        "type": key.type,
        "stands_for": key.stands_for,
        "name": key.name,
        "scopes": list(SCOPES if key.scopes is None else key.scopes),
        "created_at": key.created_at,
        "expires_at": None if key.expires_at is None else times.at(key.expires_at),
        "last_used_at": key.last_used_at,
        "rate_limit": key.rate_limit,
        "replaced_by": key.replaced_by,
    }


def created_key_document(key: ApiKey, api_key: str | None) -> CreatedKey:
    """Returns a key in the one answer that shows its secret."""
    return {**key_document(key), **generated_key(api_key)}


def generated_key(api_key: str | None) -> WithGeneratedKey:
    """Returns a generated key, if there is one."""
    return {"authentication": {"type": "api_key", "api_key": api_key}} if api_key else {}
