"""The requests of the day, by the Python client."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from event_bus_client import EventBus, EventBusError, NewEvent, NotFound, path

from examples.bus_file import read_bus

Document = dict[str, Any]

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
    def read(cls, file: Path) -> "Address":
        """Reads the file of `make up`.

        Args:
            file: The file.

        Raises:
            NoBus: It is missing, or does not describe a bus.
        """
        names = ("api_url", "admin_api_key", "websocket_url", "endpoint_url", "region")
        return cls(*read_bus(file, names).values())

    def check(self) -> None:
        """Refuses a bus elsewhere.

        Raises:
            DayError: It is not on this machine: it could not call back, and everyone knows the keys
                of the day.
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
        self._client = EventBus(url, key)

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def publish(self, events: Sequence[Document]) -> None:
        """Publishes events in one request; each has an id, so that it may be sent twice.

        Raises:
            DayError: The bus did not store all of them.
        """
        with _refusals_shown():
            results = self._client.publish_batch([NewEvent.of_document(each) for each in events])
            for each in results:
                if each.problem:
                    raise each.problem

    def event(self, event_id: str) -> Document:
        """Returns an event with its deliveries."""
        return self._document("GET", path("/events/{}", event_id))

    def events_of(self, correlation_id: str) -> list[Document]:
        """Returns all events of one correlation, oldest first."""
        return self._list("/events", correlation_id=correlation_id, order="oldest", limit=20)

    def subscribe(self, subscription: Mapping[str, Any]) -> Document:
        """Registers a subscription.

        Returns:
            The subscription, with its signing secret.
        """
        with _refusals_shown():
            return self._client.subscriptions.create(**subscription)

    def subscriptions_of(self, service_id: str) -> list[Document]:
        """Returns all subscriptions of a service."""
        return self._list("/subscriptions", service_id=service_id)

    def unsubscribe(self, subscription_id: str) -> None:
        """Removes a subscription, if it still exists."""
        with _refusals_shown(), suppress(NotFound):
            self._client.subscriptions.delete(subscription_id)

    def keep(self, context: str, key: str, value: Any) -> None:
        """Writes an entry of a context of the service."""
        self._document("PUT", path("/contexts/{}/{}", context, key), {"value": value})

    def state(self, stream_id: str, at_version: int) -> Document:
        """Returns the state of a stream of the service at a version."""
        with _refusals_shown():
            return self._client.streams.state(stream_id, at_version=at_version).state

    def _list(self, listed: str, **query: Any) -> list[Document]:
        with _refusals_shown():
            return list(self._client.listing(listed, **query))

    def _document(self, method: str, called: str, body: Document | None = None) -> Document:
        with _refusals_shown():
            return cast("Document", self._client.call(method, called, body=body))


@contextmanager
def _refusals_shown() -> Iterator[None]:
    """Ends the day where the bus refuses, or does not answer."""
    try:
        yield
    except EventBusError as error:
        raise DayError(str(error)) from error
