"""The filters of a subscription, as a client sends them."""

from typing import Annotated, Any

from pydantic import WithJsonSchema

SentFilters = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "object"}}),
]
"""Filters as a client sends them, checked by `check_sent_filters`."""
