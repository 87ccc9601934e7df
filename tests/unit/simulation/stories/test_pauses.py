"""The stories of pauses."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
