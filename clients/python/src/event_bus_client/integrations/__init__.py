"""Receivers for web frameworks and AWS Lambda: each module needs its framework alone."""
