"""Work that events share on AWS but not on the emulator.

Counting and the audit log collect events for up to a minute. The emulator calls them every two
seconds, and the router waits for them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from localstack.bus import LocalBus

SHARED = ("audit", "observe")
"""The functions that collect events."""

_NAME = "POWERTOOLS_SERVICE_NAME"


def folders(client: Any) -> dict[str, str]:
    """Returns the folders of the bus's functions, by their names.

    Args:
        client: A client of Lambda.
    """
    pages = client.get_paginator("list_functions").paginate()
    found = [each for page in pages for each in page["Functions"]]
    return {
        each["FunctionName"]: each["Environment"]["Variables"][_NAME]
        for each in found
        if _NAME in each.get("Environment", {}).get("Variables", {})
    }


@contextmanager
def shared_later(bus: LocalBus) -> Iterator[None]:
    """Delays the functions of `SHARED` until the end of the block."""
    _switch(bus, enabled=False)
    yield
    _switch(bus, enabled=True)


def _switch(bus: LocalBus, *, enabled: bool) -> None:
    client: Any = bus.client("lambda")
    for name, folder in folders(client).items():
        if folder in SHARED:
            sources = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
            for source in sources:
                client.update_event_source_mapping(UUID=source["UUID"], Enabled=enabled)
