"""Commands: sending them, waiting for their ends, answering and cancelling them."""
