"""Finding the subscriptions that an event matches: event types, event patterns, and their index."""
