"""The stories of transforms and of payloads that are not JSON."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
