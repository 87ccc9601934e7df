"""The stacks of the event bus and what they are made of."""
