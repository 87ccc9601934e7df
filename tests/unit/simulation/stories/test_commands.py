"""The stories of commands, their replies and their ends."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
