"""What a subscriber receives: the shape that its subscription gives to an event."""
