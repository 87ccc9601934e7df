"""The owners of event types: who may publish a type, and define its schemas."""

from collections.abc import Callable

from event_bus.access.callers import Caller
from event_bus.errors import Fault, Forbidden, sentence
from event_bus.model.event import BUS_DOMAIN
from event_bus.model.publisher import Publisher


def denial(caller: Caller, event_type: str, registered: Callable[[], bool]) -> str | None:
    """Returns why a caller does not own a type, in a sentence without its end; None if it does.

    Args:
        caller: Who publishes or defines the type.
        event_type: The type.
        registered: Returns whether the caller is registered to publish the type.
    """
    if event_type.partition(".")[0] == BUS_DOMAIN:
        return f"types that begin with {BUS_DOMAIN}. are the bus's own"
    if caller.admin or registered():
        return None
    return f"{caller.service_id} is not registered to publish {event_type}"


def check_owner(caller: Caller, publisher: Publisher | None, event_type: str) -> None:
    """Refuses a caller that may not define a type.

    Args:
        caller: Who asks.
        publisher: The publisher that the caller is, if it is one.
        event_type: The type.

    Raises:
        Forbidden: The caller is neither an admin nor registered to publish the type, or the type is
            one of the bus itself.
    """
    registered = publisher is not None and publisher.publishes(event_type)
    if detail := denial(caller, event_type, lambda: registered):
        raise Forbidden(sentence(detail), [Fault("type", detail)], reason="event_type")
