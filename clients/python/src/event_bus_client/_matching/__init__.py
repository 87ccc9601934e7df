"""The bus's own matching of types and filters.

Its code is in `layers/event_bus/matching`. The modules here only lead to it in this repository. In
a wheel the code itself stands in their place, copied there when the wheel is built
(`hatch_build.py`).
"""
