"""What people do about deliveries: list, retry and discard dead letters, and replay events."""
