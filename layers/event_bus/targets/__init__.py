"""Targets: one module for each type, with everything about it, and one registry."""
