"""Which subscriptions an event is for: event types, event patterns, and the index over both."""
