"""The stories of replays."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
