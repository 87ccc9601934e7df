"""The event bus service: everything the functions share."""
