"""Deliveries of paused subscriptions, which wait without an attempt."""

import random
from typing import Final

from event_bus import times
from event_bus.model.delivery import Delivery
from event_bus.model.registration import Subscription

PAUSED: Final = "subscription_paused"
"""The error code of a delivery that waits because its subscription is paused."""

SAID: Final = "the subscription is paused"
"""The reason in a sentence."""

FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 60.0, 900.0
"""After what time a delivery looks again at most: early in a pause, and at any time."""


def look_again_at(subscription: Subscription) -> float:
    """When a delivery looks again whether its subscription is still paused, in Unix seconds.

    The longer the pause has lasted, the longer it waits: a pause of any length costs a delivery
    few looks. The times are spread at random, so that deliveries do not come all at once.
    """
    now = times.unix()
    lasted = now - times.seconds(subscription.paused_at) if subscription.paused_at else 0.0
    longest = min(max(lasted, FIRST_LOOK_SECONDS), LONGEST_LOOK_SECONDS)
    return now + longest * random.uniform(0.5, 1)  # noqa: S311


def waits_for_resume(delivery: Delivery) -> bool:
    """Whether a delivery waits only because its subscription was paused."""
    return delivery.last_error is not None and delivery.last_error.code == PAUSED
