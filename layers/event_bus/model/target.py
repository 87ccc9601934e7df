"""The common base of targets: where and how a subscription receives its events.

Each target is a module of `event_bus.targets`.
"""

from abc import ABC
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Protocol


@dataclass(frozen=True, slots=True)
class Target(ABC):
    """Where a subscription receives its events. Each target has a subclass.

    Attributes:
        type: The type by which clients name it.
        lane: The lane on which its events travel.
        paced: Whether its subscribers may take long to answer, so that it has a paced and a slow
            lane as well.
        signed: Whether what is delivered to it is signed.
        headers: Whether it receives HTTP requests, with headers and in batches.
        attributes: Whether it receives messages of a text and attributes.
        objects_only: Whether it takes JSON objects only.
    """

    type: str = field(kw_only=True)
    lane: ClassVar[str]
    paced: ClassVar[bool] = False
    signed: ClassVar[bool] = False
    headers: ClassVar[bool] = False
    attributes: ClassVar[bool] = False
    objects_only: ClassVar[bool] = False

    @property
    def callback_url(self) -> str | None:
        """The URL that events are posted to, if they are."""
        return None

    @property
    def replies(self) -> bool:
        """Whether its answers are published as the replies that events ask for."""
        return False

    def shown(self, service_id: str) -> dict[str, Any]:
        """Returns the target as the API shows it.

        Args:
            service_id: The service that the subscription belongs to.
        """
        stored = {name: value for name, value in self.stored().items() if value is not None}
        return {**stored, **self.derived(service_id)}

    def stored(self) -> dict[str, Any]:
        """Returns the members that are stored."""
        return asdict(self)

    def derived(self, service_id: str) -> dict[str, Any]:  # noqa: ARG002
        """Returns the members that the API shows beside the stored ones.

        Args:
            service_id: The service that the subscription belongs to.
        """
        return {}


@dataclass(frozen=True, slots=True)
class UnknownTarget(Target):
    """A target of a type that a later version of the bus has stored.

    After a rollback, such a subscription is listed, changed and deleted as any other, and its
    target stays as it is. Its lane does not exist, so its deliveries end as dead letters.

    Attributes:
        members: The stored members besides the type.
    """

    members: Mapping[str, Any]

    @property
    def lane(self) -> str:  # type: ignore[override]
        """A lane that this deployment does not have."""
        return self.type

    def stored(self) -> dict[str, Any]:
        """Returns the members that are stored."""
        return {"type": self.type, **self.members}

    def shown(self, service_id: str) -> dict[str, Any]:  # noqa: ARG002
        """Returns only the type: only the version that stored it knows which members to hide."""
        return {"type": self.type}


class TargetTypes(Protocol):
    """Knows the types of targets, and reads stored ones."""

    def read(self, members: Mapping[str, Any]) -> Target:
        """Reads a stored target; one of an unknown type is an `UnknownTarget`."""
        ...

    def lane_of(self, name: str) -> str:
        """Returns the lane of a type."""
        ...
