"""Callbacks: HTTP requests to URLs that clients chose."""
