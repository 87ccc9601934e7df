"""The base of targets as clients send them."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from event_bus.model.target import Target
from event_bus.requests.validation import Request


class TargetRequest(Request):
    """A target as a client sends it. Each target has a subclass.

    Attributes:
        shown_only: Members that answers show and that clients do not send.
    """

    shown_only: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def target(self) -> Target:
        """The target."""

    @classmethod
    def without_shown(cls, members: Mapping[str, Any]) -> dict[str, Any]:
        """Removes what an answer adds: a client may send back what it has read.

        Args:
            members: The members that a client sent.
        """
        return {name: value for name, value in members.items() if name not in cls.shown_only}
