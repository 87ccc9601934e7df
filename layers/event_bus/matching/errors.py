"""The ways an event type or an event pattern can be refused."""


class InvalidEventTypeError(ValueError):
    """An event type, or a type pattern, that is not well formed.

    Attributes:
        detail: What is wrong, and what would be right.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidPatternError(ValueError):
    """An event pattern, or a subscription's filters, that cannot be used.

    Attributes:
        pointer: Where: a JSON pointer (RFC 6901) into what was given.
        detail: What is wrong, and what would be right.
    """

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(f"{pointer or 'the pattern'}: {detail}")
        self.pointer = pointer
        self.detail = detail


def below(pointer: str, member: str | int) -> str:
    """The JSON pointer of a member of what `pointer` points at (RFC 6901, section 3).

    Args:
        pointer: The pointer of an object or an array.
        member: A name in the object, or a position in the array.
    """
    return f"{pointer}/{str(member).replace('~', '~0').replace('/', '~1')}"
