"""The stories of retries and dead letters."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
