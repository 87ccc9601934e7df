"""The public HTTP API: its routes, its answers, its description.

`operations/` declares each operation, and `documents/` models the answers. `endpoint.py` finds the
operation of a request and calls the function that answers it, which is in a folder of `functions/`.
"""
