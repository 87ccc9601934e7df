"""A day of an engineering team, played on a running bus through its public API.

Run it by `make run`, or by `python -m examples.engineering_day` after `make up`.
"""
