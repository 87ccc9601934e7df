"""Short stories: each runs once without faults, and again for a fault in each of its calls."""

from tests.simulation.stories import (
    archive,
    commands,
    enrichment,
    inboxes,
    order,
    pauses,
    publishing,
    read_models,
    registrations,
    replays,
    retries,
    routing,
    streams,
    subscription_changes,
    transforms,
    unsendable,
)
from tests.simulation.stories.story import STORIES

__all__ = [
    "STORIES",
    "archive",
    "commands",
    "enrichment",
    "inboxes",
    "order",
    "pauses",
    "publishing",
    "read_models",
    "registrations",
    "replays",
    "retries",
    "routing",
    "streams",
    "subscription_changes",
    "transforms",
    "unsendable",
]
