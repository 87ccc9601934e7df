"""Members of the metadata of events that the bus sets or reads itself."""

DEFAULT_WINDOW_MINUTES, MAX_WINDOW_MINUTES = 5, 60
"""How many minutes a deduplication key is valid by default, and at most."""

REPLY_FOR = "reply_for"
"""The member of a reply's metadata that names the one service which it is for; the bus sets it."""

REPLY_STATUS = "reply_status"
"""The member of a reply's metadata that says what it reports; the bus sets it."""
