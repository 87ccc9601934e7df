"""Event types and event patterns of the bus."""
