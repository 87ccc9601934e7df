"""The stacks of the event bus and their constructs."""
