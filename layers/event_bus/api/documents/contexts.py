"""Contexts, as the API shows them."""

from typing import Annotated, Any

import orjson
from pydantic import Field
from typing_extensions import TypedDict

from event_bus.api.documents.members import Page, Time
from event_bus.model import contexts


class ContextEntrySummary(TypedDict):
    """An entry of a context in a list, without its value.

    Attributes:
        key: The key of the entry in its context.
        updated_at: When the entry was last written.
    """

    key: str
    version: Annotated[int, Field(ge=1, description="How often it was written, from 1 on.")]
    updated_at: Time


class ContextEntry(ContextEntrySummary):
    """An entry of a context.

    Attributes:
        context: The name of the context.
        service_id: The service that the context belongs to.
    """

    context: str
    service_id: str
    value: Annotated[Any, Field(description="Any JSON.")]


class ContextEntryPage(Page):
    """A page of a context's entries."""

    items: list[ContextEntrySummary]


def context_entry_summary(entry: contexts.ContextEntry) -> ContextEntrySummary:
    """Returns an entry as lists show it."""
    return {"key": entry.key, "version": entry.version, "updated_at": entry.updated_at}


def context_entry_document(entry: contexts.ContextEntry) -> ContextEntry:
    """Returns an entry."""
    return {
        **context_entry_summary(entry),
        "context": entry.context,
        "service_id": entry.service_id,
        "value": orjson.Fragment(entry.value),
    }
