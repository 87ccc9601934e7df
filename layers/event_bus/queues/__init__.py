"""Lanes, their messages, and the queues of unroutable events and of replays."""
