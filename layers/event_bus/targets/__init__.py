"""Targets: one module for each, with all that it is, and one registry of them."""
