"""The work of every minute, and of crashed messages."""
