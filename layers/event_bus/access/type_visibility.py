"""Decides which event types a caller may see."""

from collections.abc import Sequence
from dataclasses import dataclass

from event_bus.access.callers import Caller
from event_bus.access.receive_rights import ReceiveRights
from event_bus.matching.event_types import matches_any
from event_bus.model.publisher import Publisher


@dataclass(frozen=True, slots=True)
class TypeVisibility:
    """Decides which event types one caller may see.

    An admin sees all. A service sees the types that it may publish, and those that it may receive
    from one of their publishers.

    Attributes:
        caller: The caller.
        publishers: All publishers.
        rights: The rights of the caller to what these publish.
    """

    caller: Caller
    publishers: Sequence[Publisher]
    rights: ReceiveRights

    def sources(self, event_type: str) -> list[Publisher]:
        """Returns the publishers of a type that the caller may see."""
        return [
            each
            for each in self.publishers
            if each.publishes(event_type) and self._sees_from(event_type, each.service_id)
        ]

    def sees(self, event_type: str) -> bool:
        """Returns whether the caller may see a type."""
        if self.caller.admin:
            return True
        sources = [each for each in self.publishers if each.publishes(event_type)]
        if sources:
            return any(self._sees_from(event_type, each.service_id) for each in sources)
        # The type has no publisher at present.
        granted = self.rights.granted(self.caller.service_id)
        return matches_any(granted, event_type)

    def _sees_from(self, event_type: str, source: str) -> bool:
        return self.caller.admin or self.rights.permits(self.caller.service_id, event_type, source)
