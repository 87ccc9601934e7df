"""Calls of the enrichment function. A lane imports no code that asks sources."""

from event_bus import clients
from event_bus.delivery.enriching import Enrich
from event_bus.enrichment.calls import CALL_SECONDS, EnrichmentCalls
from event_bus.settings import settings


def enrichment_calls() -> Enrich:
    """Builds the calls of the enrichment function."""
    return EnrichmentCalls(clients.functions(CALL_SECONDS), settings().enrich_function).enriched
