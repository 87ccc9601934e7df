"""The documents of the API, by subject: the shape of each, and the function that makes it.

A shape is a TypedDict, which costs nothing at run time: mypy holds the functions to it, and the
OpenAPI document gets its JSON schema from it. Its docstring is the schema's description.
"""
