"""The outcome of one attempt.

The fake bus of the Python client has a copy of this module in its wheel, so it imports only the
standard library.
"""

from dataclasses import dataclass

KEPT_RESPONSE_BYTES = 256
"""How many bytes of an answer are kept with its attempt."""

_NEVER_FINAL = frozenset({408, 409, 425, 429})
_GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt.

    Attributes:
        code: The error code, which is stable; None after a success.
        message: The error for people.
        status_code: The HTTP status of the answer, if there was one.
        response: The beginning of the answer.
        retry_after: The wait that the subscriber asks for, in seconds.
        unsendable: Whether nothing can be sent: another attempt would be useless, and the
            subscriber is not at fault.
        unsent: Whether nothing was sent because the bus or AWS failed: another attempt may succeed,
            and the subscriber is not at fault.
    """

    code: str | None = None
    message: str = ""
    status_code: int | None = None
    response: str = ""
    retry_after: float | None = None
    unsendable: bool = False
    unsent: bool = False

    @property
    def delivered(self) -> bool:
        """Whether the attempt succeeded."""
        return self.code is None

    @property
    def gone(self) -> bool:
        """Whether the subscriber answered 410 Gone: it never wants events again."""
        return self.status_code == _GONE

    @property
    def client_error(self) -> bool:
        """Whether the subscriber refused this request, so that repeating it may be useless."""
        return (
            self.status_code is not None
            and 300 <= self.status_code < 500
            and self.status_code not in _NEVER_FINAL
        )
