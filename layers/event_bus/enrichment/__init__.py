"""Enrichment: adds the parts that a subscription asks for to an event, before its delivery."""
