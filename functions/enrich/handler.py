"""Enriches events on their way to their target's lane."""

from event_bus.runtime.enrichment import enrichment_handler

handler = enrichment_handler()
