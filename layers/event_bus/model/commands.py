"""Rules for commands: their deadline, and who may handle and answer them."""

from event_bus import times
from event_bus.errors import Fault, InvalidRequest
from event_bus.model.command_types import COMMAND_DOMAIN, MAX_HANDLED_TYPES, may_be_handled
from event_bus.model.event import Event
from event_bus.model.subscription import Subscription


def is_over(event: Event) -> bool:
    """Returns whether the deadline of a command has passed."""
    return event.deadline is not None and event.deadline <= times.now()


def may_answer(event: Event, subscription: Subscription) -> bool:
    """Returns whether the target's answer to an event is a reply to a command."""
    return subscription.handles if event.is_command else event.expected_replies is not None


def check_handler(subscription: Subscription) -> None:
    """Refuses a handler of anything but single command types, and replies to batches.

    Raises:
        InvalidRequest: It is refused; the faults are named by their JSON pointers.
    """
    transform = subscription.transform
    if transform and transform.mode == "batched" and subscription.target.replies:
        raise InvalidRequest.at(
            "/transform/mode", "must not be batched if the target says reply: true"
        )
    if not subscription.handles:
        return
    wrong = [
        Fault(f"/event_types/{place}", f"must be an exact type that begins with {COMMAND_DOMAIN}.")
        for place, each in enumerate(subscription.event_types)
        if not may_be_handled(each)
    ]
    if wrong:
        said = f"{wrong[0].pointer} {wrong[0].detail}, if handles is true"
        raise InvalidRequest(said, wrong)
    if len(subscription.event_types) > MAX_HANDLED_TYPES:
        raise InvalidRequest.at(
            "/event_types", f"must have at most {MAX_HANDLED_TYPES} types if handles is true"
        )
    if subscription.filters:
        raise InvalidRequest.at(
            "/filters", "must be left out if handles is true: a handler takes every command"
        )
