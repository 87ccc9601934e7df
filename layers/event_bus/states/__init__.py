"""States of event streams: folding them, their snapshots, and read models."""
