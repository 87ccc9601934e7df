"""The version of the service, its clients and its command line."""

VERSION = "1.0.0"
"""A semantic version (https://semver.org). `CHANGELOG.md` says what each version changes."""

MAJOR = VERSION.partition(".")[0]
"""The version of the API: it changes only with an incompatible change."""

USER_AGENT = f"event-bus/{MAJOR}"
"""The `user-agent` of requests to callbacks."""
