"""Transforms: the shape that a subscription gives to its events."""
