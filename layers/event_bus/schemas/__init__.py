"""Schemas of payloads: what a schema may be, checking payloads, and comparing versions. Pure."""
