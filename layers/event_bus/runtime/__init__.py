"""Composes the service: builds the stores and the components of each function, each in one place.

A component is an object that does one task of the service, such as `Intake`, `Router` or
`KeyRegistry`. Most modules here are named after the package whose components they build. A
component is imported when a handler asks for it, so a cold start pays for nothing else.
"""
