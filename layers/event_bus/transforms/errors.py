"""Errors of transforms: at registration, and at delivery."""


class InvalidTransform(ValueError):
    """A transform that is refused at registration.

    Attributes:
        pointer: Where in the transform, as a JSON pointer.
        detail: What is wrong, and what to send instead.
    """

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer
        self.detail = detail


class TransformFailed(Exception):
    """A transform that has no result for this event. Another attempt would fail in the same way.

    Attributes:
        detail: Why.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
