"""States of event streams: folds them, stores snapshots, and keeps read models."""
