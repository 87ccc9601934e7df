"""Sealed payloads, data keys, signing secrets and signatures."""
