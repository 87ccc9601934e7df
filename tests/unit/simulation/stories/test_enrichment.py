"""The stories of enriched deliveries."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
