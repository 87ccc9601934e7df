"""The rules for commands and requests, which are checked before they are stored."""

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.errors import Conflict, Fault, Forbidden
from event_bus.matching.event_types import validate_event_type
from event_bus.model.event import BUS_DOMAIN, Event
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.requests.validation import invalid


def check_command(event: Event, caller: Caller, rights: PublisherRights, at: str) -> None:
    """Checks what a command, or another event that expects replies, says about its replies.

    Args:
        event: The event.
        caller: Who publishes it.
        rights: Who may publish what.
        at: The JSON pointer of the event in the request's body.

    Raises:
        InvalidRequest: Its deadline is not a time, its address is not an event type, or it expects
            several replies although it has one handler, or without a deadline.
        Forbidden: The address belongs to another service, and the caller may not publish there.
    """
    if event.expected_replies is None:
        return
    deadline, expected = event.metadata.get("deadline"), event.metadata.get("expect_replies", 1)
    if deadline is not None:
        try:
            times.parse(deadline)
        except ValueError as error:
            raise invalid([Fault(f"{at}/metadata/deadline", str(error))]) from None
    if event.is_command and expected != 1:
        detail = "must be 1 or left out: a command has one handler, which replies once"
        raise invalid([Fault(f"{at}/metadata/expect_replies", detail)])
    if expected > 1 and deadline is None:
        detail = "is required if several replies are expected: they are collected until then"
        raise invalid([Fault(f"{at}/metadata/deadline", detail)])
    _check_address(event, caller, rights, f"{at}/metadata/reply_to")


def no_handler(event: Event, at: str) -> Conflict:
    """Makes the refusal of a command that no subscription handles."""
    faults = [Fault(f"{at}/type", f"no subscription handles {event.type}")]
    said = f"No subscription handles {event.type}; register one with handles: true, or leave out "
    return Conflict(f"{said}require_handler.", faults)


def _check_address(event: Event, caller: Caller, rights: PublisherRights, at: str) -> None:
    """Refuses an address at which the publisher could not publish the reply itself.

    The handler needs no right to publish there. Without this rule, a sender could make the handler
    publish types that only the handler may publish.
    """
    address = event.metadata.get("reply_to")
    if address is None:
        return
    try:
        validate_event_type(address)
    except ValueError as error:
        raise invalid([Fault(at, str(error))]) from None
    domain = address.partition(".")[0]
    if domain == event.source != BUS_DOMAIN:
        return
    try:
        rights.check(caller, address, at)
    except Forbidden:
        detail = f"must begin with {event.source}., or be a type that this key may publish"
        raise Forbidden.at(at, detail, "event_type") from None
