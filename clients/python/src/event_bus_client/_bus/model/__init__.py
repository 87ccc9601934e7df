"""Rules of the bus that need no other part of it."""
