"""The stories of read models."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
