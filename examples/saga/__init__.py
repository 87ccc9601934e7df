"""A saga: a requirement becomes reviewed code, by events and commands alone.

An analyst sends one command after the other, and waits for each reply. Where a review fails, it
sends the command that compensates for what was done before: the code is discarded.
"""
