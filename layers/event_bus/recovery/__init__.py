"""Recovery: listing, retrying and discarding dead letters, and replaying events."""
