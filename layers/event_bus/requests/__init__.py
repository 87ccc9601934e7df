"""What clients send: the models of requests, and their checks.

Only functions that answer requests import it, because pydantic takes a tenth of a second at a cold
start. The records that these requests become are in `model`.
"""
