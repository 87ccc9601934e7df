"""Receivers for web frameworks and AWS Lambda: each module needs only its own framework."""
