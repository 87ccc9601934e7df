"""Enrichments of subscriptions, in their normal form."""

from typing import Any

_SOURCE = {"timeout": 1.0, "retries": 1, "fallback": "fail", "cache_seconds": 0}
"""The defaults of a source of an enrichment."""


def enrichment_of(enrichment: dict[str, Any] | None) -> dict[str, Any] | None:
    """Returns an enrichment as a client sends it, with the defaults of its sources."""
    if enrichment is None:
        return None
    made: dict[str, Any] = {}
    for name, source in enrichment.items():
        given = {member: value for member, value in source.items() if member != "external_id"}
        if given.get("type") == "http":
            given = {"variables": {}, **given}
        made[name] = given if given.get("type") == "static" else {**_SOURCE, **given}
    return made
