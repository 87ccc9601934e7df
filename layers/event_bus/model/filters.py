"""The filters of a subscription."""

from typing import Any

Filters = dict[str, dict[str, Any]]
"""An event pattern for each type pattern that it narrows."""
