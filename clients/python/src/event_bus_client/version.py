"""The version of the client, which is that of the service."""

VERSION = "1.0.0"
"""A semantic version (https://semver.org). A test compares it with the service's version."""
