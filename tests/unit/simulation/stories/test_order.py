"""The stories of ordered deliveries."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
