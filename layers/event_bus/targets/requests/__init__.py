"""Targets as clients send them, one module for each."""
