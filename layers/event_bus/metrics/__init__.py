"""Metrics, analytics and health.

The counters and the histogram are defined in `exposition.py`, each with its name, its labels and
its description; the gauges are defined in `gauges.py`. `observations.py` decides which change of a
delivery counts as what, and `observer.py` adds it up.
"""
