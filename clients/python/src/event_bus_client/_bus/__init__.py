"""The bus's own rules: matching, the versions of streams, the states of commands.

Their code is in `layers/event_bus`. The modules here only lead to it in this repository. In a wheel
the code itself stands in their place, copied there when the wheel is built (`hatch_build.py`).
"""
