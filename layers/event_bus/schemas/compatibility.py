"""Decides whether a new version of a schema may follow the versions before it."""

from collections.abc import Sequence
from typing import TypeVar

from event_bus.errors import Fault, pointer
from event_bus.model.schemas import Compatibility
from event_bus.schemas.covering import library_covers
from event_bus.schemas.limits import MAX_FAULTS
from event_bus.schemas.structure import Schema
from event_bus.schemas.widening import breaking_changes

_Version = TypeVar("_Version")


def versions_compared(earlier: Sequence[_Version], mode: Compatibility) -> Sequence[_Version]:
    """Returns the earlier versions with which a new version must be compatible.

    Args:
        earlier: The earlier versions, the latest last.
        mode: The required compatibility.
    """
    if mode == "none":
        return []
    return earlier if mode.endswith("_transitive") else earlier[-1:]


def incompatibilities(
    new: Schema, earlier: Sequence[tuple[int, Schema]], mode: Compatibility, at: str
) -> list[Fault]:
    """Returns why a new version may not follow the earlier ones.

    Args:
        new: The new schema.
        earlier: The earlier versions and their numbers, the latest last.
        mode: The required compatibility.
        at: The JSON pointer of the new schema in the request.

    Returns:
        The places that break it; none if the version may follow.
    """
    direction = mode.partition("_")[0]
    faults: list[Fault] = []
    for number, old in versions_compared(earlier, mode):
        if direction in ("backward", "full"):
            said = f"refuses payloads that version {number} accepts: it"
            faults += _faults(old, new, at, said)
        if direction in ("forward", "full"):
            said = f"accepts payloads that version {number} refuses: version {number}"
            faults += _faults(new, old, at, said)
        if faults:
            break
    return faults[:MAX_FAULTS]


def _faults(narrow: Schema, wide: Schema, at: str, said: str) -> list[Fault]:
    # The rules take a millisecond; the library proves more, but needs a process.
    found = breaking_changes(narrow, wide)
    if not found or library_covers(wide, narrow):
        return []
    return [Fault(at + pointer(each.path), f"{said} {each.detail}") for each in found]
