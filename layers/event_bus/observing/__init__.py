"""What happens on the bus, counted."""
