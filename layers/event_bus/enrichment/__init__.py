"""Enrichment: adding to an event what its subscription asks for, before it is delivered."""
