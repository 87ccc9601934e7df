"""A saga: a requirement becomes reviewed code, by events and commands alone.

An analyst sends one command after the other, and waits for each reply. If a review fails, it sends
a command that compensates for the earlier step: it discards the code.
"""
