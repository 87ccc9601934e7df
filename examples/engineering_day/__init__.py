"""A day of an engineering team, played on a running bus through its public API.

`make run`, or `python -m examples.engineering_day` where `make up` was run before.
"""
