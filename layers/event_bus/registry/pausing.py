"""Pausing and resuming subscriptions."""

from dataclasses import replace

from event_bus import times
from event_bus.model.bus_events import (
    SUBSCRIPTION_DISABLED,
    SUBSCRIPTION_PAUSED,
    SUBSCRIPTION_RESUMED,
    about_subscription,
)
from event_bus.model.event import Event
from event_bus.model.replay import Replay
from event_bus.model.subscription import ResumeFrom, Subscription
from event_bus.recovery.backlogs import backlog_of


def with_pause(
    before: Subscription, changed: Subscription, resume_from: ResumeFrom | None
) -> tuple[Subscription, Replay | None]:
    """Begins or ends a pause, if a change of the status asks for it.

    Args:
        before: The subscription as it is stored.
        changed: The same with its new status.
        resume_from: Where it continues after a pause; None for the backlog.

    Returns:
        The subscription as it is to be stored, and the replay of its backlog, if there is one.
    """
    if before.status == changed.status:
        return changed, None
    if changed.status == "paused":
        return replace(changed, paused_at=times.now(), pauses=before.pauses + 1), None
    if before.status != "paused":
        return changed, None
    resumed = replace(changed, paused_at=None)
    if changed.status == "disabled" or resume_from == "now":
        return replace(resumed, skipped_pauses=before.pauses), None
    backlog = backlog_of(before)
    return replace(resumed, backlog_replay_id=backlog.id), backlog


_TYPES = {
    "active": SUBSCRIPTION_RESUMED,
    "paused": SUBSCRIPTION_PAUSED,
    "disabled": SUBSCRIPTION_DISABLED,
}


def status_event(before: Subscription, changed: Subscription, backlog: Replay | None) -> Event:
    """Returns the event that announces another status of a subscription.

    Args:
        before: The subscription as it is stored.
        changed: The same with its new status.
        backlog: The replay of what a pause has kept, if one begins.
    """
    more: dict[str, str | None] = {"previous_status": before.status}
    if changed.status == "active":
        more["replay_id"] = backlog.id if backlog else None
    return about_subscription(_TYPES[changed.status], changed, **more)
