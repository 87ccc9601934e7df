"""What the bus speaks of: events, publishers, subscriptions, deliveries. No AWS in here."""
