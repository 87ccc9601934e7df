"""The items of events, wherever they are stored, read without the code under test."""

import gzip
from typing import Any

import orjson

from tests.simulation.known import Violation
from tests.simulation.surroundings import Surroundings
from tests.simulation.tables import Key


def stored_events(world: Surroundings) -> dict[Key, dict[str, Any]]:
    """The items of all events; those of archived ones come from the archive.

    Raises:
        Violation: The archive does not hold the event of a stub.
    """
    items = world.tables.items["events"]
    if not world.archives:
        return items
    return {key: _whole(world, item) for key, item in items.items()}


def _whole(world: Surroundings, item: dict[str, Any]) -> dict[str, Any]:
    if "archived" not in item:
        return item
    name, offset, length = item["archived"]["S"].split("/")
    found = world.objects.get(("payloads", f"archive/{name}"), b"")
    run = found[int(offset) : int(offset) + int(length)]
    for line in gzip.decompress(run).splitlines() if run else ():
        whole: dict[str, Any] = orjson.loads(line)
        if whole["id"] == item["id"]:
            rest = {key: value for key, value in item.items() if key != "archived"}
            if rest.items() <= whole.items():
                return whole
    raise Violation(f"{item['id']['S']} is lost in the archive")
