"""The stories of streams: expected versions, appends, catching up."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
