"""Identifiers: a prefix that tells the kind, and a ULID, so that they sort by time."""

from ulid import ULID


def new_id(prefix: str) -> str:
    """Returns a new identifier such as `evt_01JZ...`."""
    return f"{prefix}_{ULID()}"
