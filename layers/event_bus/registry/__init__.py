"""Registering services: as publishers, with subscriptions, and with the keys that prove them."""
