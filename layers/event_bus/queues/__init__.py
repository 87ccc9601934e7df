"""Lanes, their messages, and the queues of unroutable events, of replays and of the audit log."""
