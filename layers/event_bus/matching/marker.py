"""The marker of sensitive values, which filters and most readers see in place of them."""

from typing import Any


def marker() -> dict[str, Any]:
    """Returns the marker that replaces a sensitive value."""
    return {"$encrypted": True}
