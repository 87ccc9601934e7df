"""The stories of the archive: kept events that are old, and everybody who reads them."""

from tests.unit.simulation.stories.suite import *  # noqa: F403
