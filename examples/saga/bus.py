"""A small client of the bus, for commands and their handlers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Thread
from typing import Any

import httpx

Document = dict[str, Any]

WAIT_SECONDS = 20
"""How long a request waits for a reply."""

_PULL_SECONDS = 2


class SagaError(Exception):
    """The saga cannot be played; the message says why."""


class Refused(Exception):
    """A handler cannot do what a command asks for; its argument says why."""


class Bus:
    """The bus, as the holder of one key sees it.

    Args:
        url: The root of its API.
        key: The key.
    """

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.Client(base_url=url, headers={"x-api-key": key}, timeout=60)

    def close(self) -> None:
        """Ends the connections."""
        self._http.close()

    def ask(self, method: str, path: str, body: Document | None = None, **query: Any) -> Document:
        """Makes a request, and returns the document of the answer.

        Raises:
            SagaError: It was refused.
        """
        answer = self._http.request(method, path, json=body, params=query)
        if not answer.is_success:
            raise SagaError(f"{method} {path}: {answer.status_code} {answer.text}")
        document: Document = answer.json() if answer.content else {}
        return document

    def command(self, command: Document) -> Document:
        """Sends a command, and waits until it has ended; it may be sent twice, as it has an id."""
        found = self.ask("POST", "/commands", command, wait=WAIT_SECONDS, require_handler="true")
        while found["ended_at"] is None:
            found = self.ask("GET", f"/commands/{found['id']}", wait=WAIT_SECONDS)
        return found


@dataclass
class Handler:
    """Handles commands: takes them from an inbox, and replies to each.

    Attributes:
        bus: The bus, by the key of the handler's service.
        subscription_id: The subscription that handles the commands.
        work: What is done for each type of commands; returns the payload of the reply.
    """

    bus: Bus
    subscription_id: str
    work: Mapping[str, Callable[[Document], Document]]
    _stopped: Flag = field(default_factory=Flag)
    _thread: Thread | None = None

    def start(self) -> None:
        """Begins to take commands."""
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops taking commands."""
        self._stopped.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        inbox = f"/subscriptions/{self.subscription_id}"
        while not self._stopped.is_set():
            taken = self.bus.ask("GET", f"{inbox}/events", wait=_PULL_SECONDS)
            for each in taken["items"]:
                self._handle(each["event"])
            if taken["lease"]:
                done = {"lease": taken["lease"], "cursor": taken["cursor"]}
                self.bus.ask("POST", f"{inbox}/ack", done)

    def _handle(self, command: Document) -> None:
        try:
            reply: Document = {"payload": self.work[command["type"]](command["payload"])}
        except Refused as refused:
            reply = {"error": {"title": "The command was refused", "detail": str(refused)}}
        self.bus.ask("POST", f"/events/{command['id']}/reply", reply)
