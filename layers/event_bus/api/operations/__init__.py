"""The operations of the API, each declared once, by subject.

A function imports the subjects that it answers, and no others. `registry` has them all.
"""
