"""What an event costs, each file a command: `python -m benchmarks.pipeline`."""
