"""The stories of registrations."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
