"""Metrics, analytics and health."""
