"""The public HTTP API: its routes, its answers, its description."""
