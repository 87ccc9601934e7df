"""Targets: for each type a module and one with its request, and one registry of all."""
