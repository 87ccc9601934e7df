"""Benchmarks of the cost of events. Each file is a command: `python -m benchmarks.pipeline`."""
