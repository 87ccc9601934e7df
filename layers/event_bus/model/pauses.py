"""Deliveries of paused subscriptions, which wait without an attempt."""

import random
from typing import Final

from event_bus import times
from event_bus.model.delivery import Delivery
from event_bus.model.subscription import Subscription

PAUSED: Final = "subscription_paused"
"""The error code of a delivery that waits because its subscription is paused."""

SAID: Final = "the subscription is paused"
"""The reason in a sentence."""

FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 60.0, 900.0
"""The longest wait before a delivery checks again, in seconds: in the first minute, and at most."""


def look_again_at(subscription: Subscription) -> float:
    """Returns when a delivery checks again whether its subscription is paused, in Unix seconds.

    The wait is at most as long as the pause has lasted. So a delivery checks four to eight times an
    hour from the 15th minute on. The times are random, so that deliveries do not come all at once.
    """
    now = times.unix()
    lasted = now - times.seconds(subscription.paused_at) if subscription.paused_at else 0.0
    longest = min(max(lasted, FIRST_LOOK_SECONDS), LONGEST_LOOK_SECONDS)
    return now + longest * random.uniform(0.5, 1)  # noqa: S311


def waits_for_resume(delivery: Delivery) -> bool:
    """Returns whether a delivery waits only because its subscription was paused."""
    return delivery.last_error is not None and delivery.last_error.code == PAUSED
