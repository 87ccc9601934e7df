"""Commands: sends them, waits for their ends, replies to them and cancels them."""
