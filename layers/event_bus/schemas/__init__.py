"""Schemas of payloads: their limits, checks of payloads, and comparisons of versions. Pure."""
