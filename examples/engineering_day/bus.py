"""A small client of the bus, for the requests of the day."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

Document = dict[str, Any]

BUS_FILE = Path(__file__).parents[2] / ".local" / "bus.json"
"""The file in which `make up` writes the bus's addresses."""

_ATTEMPTS = 3
_ON_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class DayError(Exception):
    """The day cannot be played. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a bus, and its admin key.

    Attributes:
        url: The root of its API.
        admin_key: The admin's key.
        websocket_url: The URL for WebSocket clients.
        endpoint_url: The emulator's URL for AWS clients.
        region: The emulator's region.
    """

    url: str
    admin_key: str
    websocket_url: str
    endpoint_url: str
    region: str

    @classmethod
    def read(cls, file: Path = BUS_FILE) -> "Address":
        """Reads the file of `make up`.

        Args:
            file: The file.

        Raises:
            DayError: No bus runs on this machine.
        """
        try:
            bus = json.loads(file.read_text())
        except FileNotFoundError:
            raise DayError("No bus is running here; start one with: make up") from None
        return cls(
            bus["api_url"],
            bus["admin_api_key"],
            bus["websocket_url"],
            bus["endpoint_url"],
            bus["region"],
        )

    def check(self) -> None:
        """Refuses a bus elsewhere.

        Raises:
            DayError: It is on another machine, from which callbacks could not reach this one. The
                keys of the day are public, too.
        """
        host = urlsplit(self.url).hostname or ""
        if host not in _ON_THIS_MACHINE and not host.endswith(".localhost"):
            raise DayError(f"The day is played on a bus of this machine only, not at {host}.")


class Bus:
    """A client of the bus with one API key.

    Args:
        url: The root of its API.
        key: The key.
    """

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.Client(base_url=url, headers={"x-api-key": key}, timeout=30)

    def close(self) -> None:
        """Ends the connections."""
        self._http.close()

    def publish(self, events: Sequence[Document]) -> None:
        """Publishes events in one request; each has an id, so that it may be sent twice.

        Raises:
            DayError: The bus did not store all of them.
        """
        body = events[0] if len(events) == 1 else events
        answer = self._send("POST", "/events", json=body)
        if answer.status_code not in (200, 202):
            raise _refused(answer)

    def event(self, event_id: str) -> Document:
        """An event with its deliveries."""
        return self._document("GET", f"/events/{event_id}")

    def events_of(self, correlation_id: str) -> list[Document]:
        """All events of one correlation, oldest first."""
        query = {"correlation_id": correlation_id, "order": "oldest", "limit": "20"}
        return self._list("/events", query)

    def subscribe(self, subscription: Mapping[str, Any]) -> Document:
        """Registers a subscription.

        Returns:
            The subscription, with its signing secret.
        """
        return self._document("POST", "/subscriptions", json=subscription)

    def subscriptions_of(self, service_id: str) -> list[Document]:
        """All subscriptions of a service."""
        return self._list("/subscriptions", {"service_id": service_id})

    def unsubscribe(self, subscription_id: str) -> None:
        """Removes a subscription, if it still exists."""
        answer = self._send("DELETE", f"/subscriptions/{subscription_id}")
        if answer.status_code not in (204, 404):
            raise _refused(answer)

    def _list(self, path: str, query: dict[str, str]) -> list[Document]:
        found: list[Document] = []
        while True:
            page = self._document("GET", path, params=query)
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            query = {**query, "cursor": page["next_cursor"]}

    def _document(self, method: str, path: str, **request: Any) -> Document:
        return _document(self._send(method, path, **request))

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Sends a request; repeats it if the bus cannot answer now."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                if attempt == _ATTEMPTS:
                    raise DayError(f"The bus does not answer: {error!r}") from error
            else:
                if answer.status_code != 503 or attempt == _ATTEMPTS:
                    return answer
            time.sleep(0.5 * attempt)
        raise AssertionError("the last attempt ends")


def _document(answer: httpx.Response) -> Document:
    if not answer.is_success:
        raise _refused(answer)
    return cast("Document", answer.json())


def _refused(answer: httpx.Response) -> DayError:
    request = answer.request
    return DayError(f"{request.method} {request.url.path}: {answer.status_code} {answer.text}")
