"""The registry of targets: every type of target that a subscription may have.

A target is a module of this package, and one of `requests` with what a client sends. A module is
imported when its target is first needed, so that a lane's function imports the transport of its own
target and no other, and no function imports requests that it does not read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from event_bus.model.target import Target, UnknownTarget
from event_bus.stored import restored
from event_bus.targets.target_type import TargetType

if TYPE_CHECKING:
    from event_bus.targets.requests.target_request import TargetRequest


@dataclass(frozen=True, slots=True)
class RegisteredTarget:
    """A target in the registry.

    Attributes:
        lane: The name of its lane.
        module: The name of its modules; None if they are named after the lane.
        types: The types by which clients name it; empty if its only type is named after the
            lane.
    """

    lane: str
    module: str | None = None
    types: tuple[str, ...] = ()

    def load(self) -> TargetType:
        """Imports the module, and returns what it describes."""
        module = import_module(f"event_bus.targets.{self.module or self.lane}")
        return cast("TargetType", module.TARGET)

    def load_request(self) -> "type[TargetRequest]":
        """Imports the module of its request, and returns the request model."""
        module = import_module(f"event_bus.targets.requests.{self.module or self.lane}")
        return cast("type[TargetRequest]", module.REQUEST)


class TargetRegistry:
    """The targets, by lane and by type."""

    def __init__(self, *entries: RegisteredTarget) -> None:
        """Makes a registry.

        Args:
            entries: The targets, in the order in which they are documented.
        """
        self._by_lane = {entry.lane: entry for entry in entries}
        self._by_type = {name: entry for entry in entries for name in entry.types or (entry.lane,)}

    @property
    def lanes(self) -> tuple[str, ...]:
        """The names of the main lanes."""
        return tuple(self._by_lane)

    @property
    def types(self) -> tuple[str, ...]:
        """The types that clients may name."""
        return tuple(self._by_type)

    def all(self) -> list[TargetType]:
        """Returns every target; imports all of their modules."""
        return [entry.load() for entry in self._by_lane.values()]

    @property
    def services(self) -> list[str]:
        """The AWS services whose resources may be targets, as ARNs name them."""
        return [each.grants.resources.service for each in self.all() if each.grants.resources]

    def of_lane(self, lane: str) -> TargetType:
        """Returns the target of a lane.

        Raises:
            KeyError: There is no such lane.
        """
        return self._by_lane[lane].load()

    def requests(self) -> "list[type[TargetRequest]]":
        """Returns the request model of each target, in the order of `all`."""
        return [entry.load_request() for entry in self._by_lane.values()]

    def request_of(self, name: object) -> "type[TargetRequest] | None":
        """Returns the request model of a type; None if there is no such type."""
        entry = self._by_type.get(name) if isinstance(name, str) else None
        return entry.load_request() if entry else None

    def lane_of(self, name: str) -> str:
        """Returns the lane of a type.

        A type that a later version of the bus has stored is its own lane, which this deployment
        does not have.
        """
        entry = self._by_type.get(name)
        return entry.lane if entry else name

    def read(self, members: Mapping[str, Any]) -> Target:
        """Reads a stored target; one of an unknown type is an `UnknownTarget`."""
        entry = self._by_type.get(members["type"])
        if entry is None:
            further = {name: value for name, value in members.items() if name != "type"}
            return UnknownTarget(further, type=members["type"])
        return restored(entry.load().settings, members)


TARGETS = TargetRegistry(
    RegisteredTarget("http"),
    RegisteredTarget("sqs"),
    RegisteredTarget("sns"),
    RegisteredTarget("lambda", module="lambda_function"),
    RegisteredTarget("eventbridge"),
    RegisteredTarget("stepfunctions"),
    RegisteredTarget("inbox", types=("pull", "sse", "websocket")),
)
"""Every target."""
