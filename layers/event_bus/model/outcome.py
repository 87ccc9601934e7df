"""How one attempt of a delivery ended."""

from dataclasses import dataclass

KEPT_RESPONSE_BYTES = 256
"""How much of an answer is kept with its attempt."""

_NEVER_FINAL = frozenset({408, 409, 425, 429})
_GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        code: What went wrong, in a word that does not change; None where nothing did.
        message: What went wrong, for people.
        status_code: The HTTP status of the answer, if there was one.
        response: How the answer began.
        retry_after: How long the subscriber asks to be left alone, in seconds.
        unsendable: Whether nothing was sent because nothing can be: another attempt would be in
            vain, and the subscriber is not at fault.
    """

    code: str | None = None
    message: str = ""
    status_code: int | None = None
    response: str = ""
    retry_after: float | None = None
    unsendable: bool = False

    @property
    def delivered(self) -> bool:
        """Whether the subscriber took the event."""
        return self.code is None

    @property
    def gone(self) -> bool:
        """Whether the subscriber wants nothing more, ever (Standard Webhooks: 410)."""
        return self.status_code == _GONE

    @property
    def client_error(self) -> bool:
        """Whether the subscriber refused this very request, so that another try may be vain."""
        return (
            self.status_code is not None
            and 300 <= self.status_code < 500
            and self.status_code not in _NEVER_FINAL
        )
