"""The team at work: each service publishes under its own key, and reacts to what it receives."""

import itertools
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from examples.engineering_day.bus import Bus, DayError
from examples.engineering_day.cast import Role
from examples.engineering_day.ledger import Ledger
from examples.engineering_day.receiver import TakeEvent
from examples.engineering_day.screen import Screen
from examples.engineering_day.services import (
    Draft,
    KnowledgeBase,
    LlmOrchestrator,
    NotificationService,
    RoleService,
    Service,
    TaskManager,
)


class Team:
    """The services of a day.

    Args:
        run: Distinguishes this day from others on the same bus.
        buses: The client of each service, by service.
        ledger: Records all events.
        screen: Shows them.
    """

    def __init__(self, run: str, buses: Mapping[str, Bus], ledger: Ledger, screen: Screen) -> None:
        self.tasks = TaskManager(self._publish)
        self.knowledge = KnowledgeBase(self._publish)
        self.services: tuple[Service, ...] = (
            self.tasks,
            self.knowledge,
            LlmOrchestrator(self._publish),
            RoleService(self._publish),
            NotificationService(self._publish),
        )
        self._run = run
        self._buses = buses
        self._ledger = ledger
        self._screen = screen
        self._numbers = itertools.count(1)
        self._numbering = threading.Lock()
        # One worker each, since a service handles its events one after the other.
        self._workers = {
            service.role.service_id: ThreadPoolExecutor(1) for service in self.services
        }

    def correlation_id(self, of: str) -> str:
        """Returns the correlation id of a thing, such as a task."""
        return f"{self._run}-{of}"

    def inbox(self, service: Service) -> TakeEvent:
        """Returns the consumer of a service: it records events, and leaves the work to a worker."""

        def take(event: dict[str, Any]) -> None:
            entry = self._ledger.received(service.role, event)
            if entry:
                self._screen.received(entry, service.role)
                self._workers[service.role.service_id].submit(self._react, service, event)

        return take

    def close(self) -> None:
        """Ends the workers."""
        for worker in self._workers.values():
            worker.shutdown(cancel_futures=True)

    def _react(self, service: Service, event: dict[str, Any]) -> None:
        try:
            service.react(event)
        except DayError:
            pass  # It is recorded already.
        except Exception as error:
            self._ledger.fault(f"{service.role.service_id} failed at {event['id']}: {error!r}")
        finally:
            self._ledger.done()

    def _publish(self, role: Role, drafts: Sequence[Draft]) -> None:
        entries = self._ledger.sending(role, [self._event(draft) for draft in drafts])
        try:
            self._buses[role.service_id].publish([entry.event for entry in entries])
        except DayError as error:
            self._ledger.fault(str(error))
            raise
        self._ledger.stored(entries)
        for entry in entries:
            self._screen.stored(entry)

    def _event(self, draft: Draft) -> dict[str, Any]:
        with self._numbering:
            number = next(self._numbers)
        metadata: dict[str, Any] = {}
        if draft.cause:
            cause = draft.cause["metadata"]
            metadata = {
                "correlation_id": cause["correlation_id"],
                "causation_id": draft.cause["id"],
                # The bus measures the size as well, so it stores exactly what was sent.
                "hop_count": cause.get("hop_count", 0) + 1,
            }
        elif draft.correlation:
            metadata = {"correlation_id": self.correlation_id(draft.correlation)}
        if draft.category:
            metadata["stream_id"] = f"{draft.category}/{metadata['correlation_id']}"
        return {
            # The sender chooses the id, so that a request whose answer was lost is sent again
            # without harm.
            "id": f"evt_{self._run}-{number:03}",
            "type": draft.type,
            "payload": draft.payload,
            "metadata": metadata,
        }
