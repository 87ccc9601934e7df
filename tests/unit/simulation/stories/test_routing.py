"""The stories of routing."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
