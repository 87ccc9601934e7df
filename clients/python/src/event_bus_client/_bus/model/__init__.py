"""Rules of the bus that need nothing else of it."""
