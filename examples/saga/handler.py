"""A service that carries out commands."""

from collections.abc import Callable, Mapping
from threading import Thread

from event_bus_client import Event, EventBus, Refused

from examples.saga.services import Document

_PULL_SECONDS = 2
# The thread ends when the pull that it waits for has been answered.
_END_SECONDS = 60


class Handler:
    """Takes commands from an inbox, and replies to each."""

    def __init__(self, bus: EventBus, work: Mapping[str, Callable[[Document], Document]]) -> None:
        """Registers the handler, and begins to take commands.

        Args:
            bus: The bus, with the key of the handler's service.
            work: The function for each type of commands; it returns the payload of the reply.
        """
        self._bus = bus
        self._work = work
        made = bus.subscriptions.create(
            event_types=list(work), handles=True, target={"type": "pull"}
        )
        self._subscription_id = made["id"]
        self._inbox = bus.inbox(made["id"])
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Takes no more commands, and removes the handler."""
        self._inbox.stop()
        self._thread.join(_END_SECONDS)
        self._bus.subscriptions.delete(self._subscription_id)

    def _run(self) -> None:
        for received in self._inbox.receive(wait_seconds=_PULL_SECONDS):
            self._handle(received.event)

    def _handle(self, command: Event) -> None:
        try:
            reply = self._work[command.type](command.payload or {})
        except Refused as refused:
            self._bus.commands.reply(command.id, error=str(refused))
        else:
            self._bus.commands.reply(command.id, reply)
