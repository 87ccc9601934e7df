"""Targets of the types `pull`, `sse` and `websocket`, as clients send them."""

from typing import Literal

from event_bus.targets.inbox import InboxTarget
from event_bus.targets.requests.target_request import TargetRequest


class InboxTargetRequest(TargetRequest):
    """An inbox, as a client sends it."""

    type: Literal["pull", "sse", "websocket"]

    def target(self) -> InboxTarget:
        """Returns the target."""
        return InboxTarget(self.type)


REQUEST = InboxTargetRequest
