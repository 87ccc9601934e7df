"""Errors for invalid event types and event patterns, and the JSON pointers in them."""


class InvalidEventTypeError(ValueError):
    """An event type or a type pattern is not well formed.

    Attributes:
        detail: What is wrong, and how to correct it.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidPatternError(ValueError):
    """An event pattern, or the filters of a subscription, cannot be used.

    Attributes:
        pointer: The JSON pointer (RFC 6901) of the fault in what was given.
        detail: What is wrong, and how to correct it.
    """

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(f"{pointer or 'the pattern'}: {detail}")
        self.pointer = pointer
        self.detail = detail


def below(pointer: str, member: str | int) -> str:
    """Returns the JSON pointer of a member of the value at `pointer` (RFC 6901, section 3).

    Args:
        pointer: The pointer of an object or an array.
        member: A name in the object, or a position in the array.
    """
    return f"{pointer}/{str(member).replace('~', '~0').replace('/', '~1')}"


def steps_of(pointer: str) -> list[str]:
    """Returns the names and indexes of a JSON pointer (RFC 6901, section 4)."""
    return [each.replace("~1", "/").replace("~0", "~") for each in pointer.split("/")[1:]]
