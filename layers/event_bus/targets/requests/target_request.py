"""The base of targets as clients send them."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator

from event_bus.model.target import Target
from event_bus.requests.validation import RequestModel, checked
from event_bus.targets.resources import check_role

RoleArn = Annotated[str, AfterValidator(checked(check_role))]
"""The ARN of a role that the bus may assume."""


class TargetRequest(RequestModel):
    """A target as a client sends it. Each target has a subclass.

    Attributes:
        shown_only: Members that answers show and that clients do not send.
        derived: Those of them that are not stored either, with their types.
    """

    shown_only: ClassVar[frozenset[str]] = frozenset()
    derived: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def target(self) -> Target:
        """Returns the target."""

    @classmethod
    def without_shown(cls, members: Mapping[str, Any]) -> dict[str, Any]:
        """Removes what an answer adds: a client may send back what it has read.

        Args:
            members: The members that a client sent.
        """
        return {name: value for name, value in members.items() if name not in cls.shown_only}


class AwsTargetRequest(TargetRequest):
    """A target that is an AWS resource, as a client sends it."""

    shown_only: ClassVar[frozenset[str]] = frozenset({"external_id"})
