"""The stories of publishing."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
