"""The command line: `event-bus`."""
