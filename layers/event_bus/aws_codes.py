"""Prefixes of error codes of AWS, by what they say about a request."""

DENIED = ("AccessDenied", "KMSAccessDenied", "AuthorizationError", "NotAuthorized")
"""The caller may not do this."""

MISSING = (
    "NonExistentQueue",
    "QueueDoesNotExist",
    "ResourceNotFound",
    "NotFound",
    "StateMachineDoesNotExist",
)
"""There is no such resource."""

THROTTLED = (
    "Throttl",
    "TooManyRequests",
    "RequestThrottled",
    "LimitExceeded",
    "ExecutionLimitExceeded",
)
"""The service takes no more requests at present."""


def word(code: str) -> str:
    """Returns the last word of an error code, which begins with a namespace in some protocols."""
    return code.rpartition(".")[2]
