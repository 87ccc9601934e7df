"""The stories of events that SQS refuses."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
