"""Events that the bus publishes about itself.

Each type is described once: the functions below make its payloads, and the OpenAPI and AsyncAPI
documents describe them by the same definitions.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NotRequired

from typing_extensions import TypedDict

from event_bus import json_numbers, times
from event_bus.model.api_keys import CredentialType
from event_bus.model.event import ABOUT, AUDIENCE, BUS_DOMAIN, Event, digest_of

if TYPE_CHECKING:
    from event_bus.model.api_keys import ApiKey
    from event_bus.model.circuit import Circuit
    from event_bus.model.delivery import Delivery
    from event_bus.model.subscription import Subscription

CIRCUIT_OPENED: Final = f"{BUS_DOMAIN}.circuit.opened"
CIRCUIT_CLOSED: Final = f"{BUS_DOMAIN}.circuit.closed"
DEAD_LETTER_CREATED: Final = f"{BUS_DOMAIN}.dead_letter.created"
KEY_EXPIRING: Final = f"{BUS_DOMAIN}.key.expiring"
SCHEMA_REGISTERED: Final = f"{BUS_DOMAIN}.schema.registered"
SUBSCRIPTION_PAUSED: Final = f"{BUS_DOMAIN}.subscription.paused"
SUBSCRIPTION_RESUMED: Final = f"{BUS_DOMAIN}.subscription.resumed"
SUBSCRIPTION_DISABLED: Final = f"{BUS_DOMAIN}.subscription.disabled"


class ReportedError(TypedDict):
    """An error: a code and a sentence.

    Attributes:
        code: The error code.
        message: The error in a sentence.
    """

    code: str
    message: str


class _AboutSubscription(TypedDict):
    """The subscription that an event is about.

    Attributes:
        subscription_id: The subscription.
        service_id: The service that owns it.
        name: The name of the subscription.
    """

    subscription_id: str
    service_id: str
    name: str


class SubscriptionEventPayload(_AboutSubscription):
    """A change of a subscription.

    Attributes:
        reason: Why the bus disabled the subscription; null in other events.
        previous_status: The status before a change that a request made.
        replay_id: Of a resumed subscription: the replay that delivers the backlog, if there is one.
    """

    reason: str | None
    previous_status: NotRequired[str]
    replay_id: NotRequired[str | None]


class CircuitEventPayload(_AboutSubscription):
    """The circuit of a subscription, with the last error of its attempts.

    Attributes:
        opened_at: When the circuit opened.
        failures: The attempts that have failed since the last success.
        error: The last error.
    """

    opened_at: str
    failures: int
    error: ReportedError | None


class DeadLetterEventPayload(TypedDict):
    """The first dead letter of a subscription in a minute.

    Attributes:
        dead_letter_id: The dead letter.
        subscription_id: The subscription.
        service_id: The service that owns it.
        event_id: The event that was not delivered.
        event_type: The type of that event.
        status: The status of the dead letter.
        error: The last error.
    """

    dead_letter_id: str | None
    subscription_id: str
    service_id: str
    event_id: str
    event_type: str
    status: str | None
    error: ReportedError | None


class SchemaEventPayload(TypedDict):
    """A version of the schema of a type.

    Attributes:
        type: The event type.
        version: The number of the version.
        registered_by: The service that registered it, or `admin`.
    """

    type: str
    version: int
    registered_by: str


class KeyEventPayload(TypedDict):
    """A key that ends within 14 days, and that no other one has replaced.

    Attributes:
        key_id: The key.
        service_id: The service that the key belongs to.
        name: The name of the key; null for none.
        type: The kind of credential.
        expires_at: When the key ends.
        last_used_at: When the key was last used, up to five minutes late; null for never.
    """

    key_id: str
    service_id: str
    name: str | None
    type: CredentialType
    expires_at: str
    last_used_at: str | None


@dataclass(frozen=True, slots=True)
class BusEventType:
    """A type of events that the bus publishes.

    Attributes:
        type: Its name.
        summary: When such an event is published.
        payload: What its payload holds, as a TypedDict.
    """

    type: str
    summary: str
    payload: Any


BUS_EVENT_TYPES: Final = (
    BusEventType(CIRCUIT_CLOSED, "The circuit of a subscription has closed.", CircuitEventPayload),
    BusEventType(CIRCUIT_OPENED, "The circuit of a subscription has opened.", CircuitEventPayload),
    BusEventType(
        DEAD_LETTER_CREATED,
        "A delivery became a dead letter; at most one event a minute for each subscription.",
        DeadLetterEventPayload,
    ),
    BusEventType(KEY_EXPIRING, "A key of the service ends in 14 days.", KeyEventPayload),
    BusEventType(
        SCHEMA_REGISTERED, "A version of a type's schema was registered.", SchemaEventPayload
    ),
    BusEventType(SUBSCRIPTION_DISABLED, "A subscription was disabled.", SubscriptionEventPayload),
    BusEventType(SUBSCRIPTION_PAUSED, "A subscription was paused.", SubscriptionEventPayload),
    BusEventType(SUBSCRIPTION_RESUMED, "A subscription is active again.", SubscriptionEventPayload),
)
"""Every type of event that the bus publishes, by name."""


def bus_event(
    event_type: str, name: str, audience: str, payload: Mapping[str, Any], about: str | None = None
) -> Event:
    """Makes an event of the bus.

    Args:
        event_type: Its type, which begins with `eventbus.`.
        name: Distinguishes it from other events of its type. The same name is the same event.
        audience: The service that may receive it; admins may as well.
        payload: Its payload.
        about: The subscription that it is about, which does not receive it.
    """
    metadata = {AUDIENCE: audience, **({ABOUT: about} if about else {})}
    sent, now = dict(payload), times.now()
    kept = json_numbers.dumps(sent)
    return Event(
        # An id that only the bus can use.
        id=f"{BUS_DOMAIN}:{name}",
        type=event_type,
        source=BUS_DOMAIN,
        timestamp=now,
        payload=kept,
        payload_bytes=len(kept),
        metadata=metadata,
        created_at=now,
        # The same as that of a publisher's event that names no timestamp.
        digest=digest_of(
            {
                "type": event_type,
                "source": BUS_DOMAIN,
                "timestamp": None,
                "payload": sent,
                "metadata": metadata,
            }
        ),
    )


def about_subscription(event_type: str, subscription: "Subscription", **more: Any) -> Event:
    """Makes the event that reports a change of a subscription.

    Args:
        event_type: The type of the event, which names the change.
        subscription: The subscription with its new members, but still with the version that the
            change replaces.
        more: Further members of the payload.
    """
    what = event_type.rpartition(".")[2]
    # The replaced version is in the name, so the same change is reported once.
    name = f"{what}_{_part_of_id(subscription.id)}_{subscription.version}"
    payload = {**_subscription(subscription), "reason": subscription.disabled_reason, **more}
    return bus_event(event_type, name, subscription.service_id, payload, subscription.id)


def about_schema(event_type: str, number: int, owner: str, registered_by: str) -> Event:
    """Makes the event that reports a new version of a type's schema.

    Args:
        event_type: The type.
        number: The version.
        owner: The service that registered the first version.
        registered_by: The service that registered this one.
    """
    payload: SchemaEventPayload = {
        "type": event_type,
        "version": number,
        "registered_by": registered_by,
    }
    # A type may be as long as an id.
    digest = hashlib.sha256(event_type.encode()).hexdigest()[:32]
    name = f"schema_{digest}_{number}"
    return bus_event(SCHEMA_REGISTERED, name, owner, payload)


def about_circuit(
    subscription: "Subscription", before: "Circuit", after: "Circuit"
) -> Event | None:
    """Makes the event that reports an opened or closed circuit; returns None for neither."""
    if before.permits == after.permits:
        return None
    opened = before if after.permits else after
    opened_at = opened.opened_at or 0.0
    payload: CircuitEventPayload = {
        **_subscription(subscription),
        "opened_at": times.at(opened_at),
        "failures": opened.consecutive,
        "error": _error(opened),
    }
    event_type = CIRCUIT_CLOSED if after.permits else CIRCUIT_OPENED
    what = event_type.rpartition(".")[2]
    name = f"circuit_{what}_{_part_of_id(subscription.id)}_{round(1000 * opened_at)}"
    return bus_event(event_type, name, subscription.service_id, payload, subscription.id)


def about_dead_letter(letter: "Delivery", minute: str) -> Event:
    """Makes the event that reports the first dead letter of a subscription in a minute.

    Args:
        letter: The dead letter.
        minute: The minute in UTC, such as `2026-05-01T12-00`.
    """
    error = letter.last_error
    payload: DeadLetterEventPayload = {
        "dead_letter_id": letter.dead_letter_id,
        "subscription_id": letter.key.subscription_id,
        "service_id": letter.service_id,
        "event_id": letter.key.event_id,
        "event_type": letter.event_type,
        "status": letter.dead_letter_status,
        "error": {"code": error.code, "message": error.message} if error else None,
    }
    return bus_event(
        DEAD_LETTER_CREATED,
        f"dead_letter_{_part_of_id(letter.key.subscription_id)}_{minute}",
        letter.service_id,
        payload,
        letter.key.subscription_id,
    )


def about_key(key: "ApiKey", ends_at: int) -> Event:
    """Makes the event that reports a key which ends soon.

    Args:
        key: The key.
        ends_at: When it ends, in Unix seconds.
    """
    payload: KeyEventPayload = {
        "key_id": key.id,
        "service_id": key.service_id,
        "name": key.name,
        "type": key.type,
        "expires_at": times.at(ends_at),
        "last_used_at": key.last_used_at,
    }
    return bus_event(KEY_EXPIRING, f"key_{key.id}_{ends_at}", key.service_id, payload)


def _part_of_id(subscription_id: str) -> str:
    """Returns the name of a subscription in the id of an event.

    An identifier that a client chose has a dot, which no id of an event has, and may be as long as
    such an id.
    """
    if "." not in subscription_id:
        return subscription_id
    return hashlib.sha256(subscription_id.encode()).hexdigest()[:32]


def _subscription(subscription: "Subscription") -> _AboutSubscription:
    return {
        "subscription_id": subscription.id,
        "service_id": subscription.service_id,
        "name": subscription.name,
    }


def _error(circuit: "Circuit") -> ReportedError | None:
    error = circuit.last_error
    return {"code": error.code, "message": error.message} if error else None
