"""The stories of consumers that pull or are pushed to."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
