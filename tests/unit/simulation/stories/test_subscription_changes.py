"""The stories of subscriptions that are disabled or deleted."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
