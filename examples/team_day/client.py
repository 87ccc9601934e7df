"""What the services ask of the bus: its public API, and nothing else."""

from dataclasses import dataclass
from typing import Any

import httpx


class Refused(Exception):
    """The bus refused a request."""


@dataclass(frozen=True)
class Client:
    """The API of the bus, with one key.

    Attributes:
        http: An HTTP client that knows the API's root and the key.
    """

    http: httpx.Client

    @classmethod
    def of(cls, api_url: str, key: str) -> "Client":
        """A client with a key.

        Args:
            api_url: The root of the API.
            key: The API key.
        """
        return cls(httpx.Client(base_url=api_url, headers={"x-api-key": key}, timeout=30))

    def register_publisher(self, service_id: str, event_types: list[str], key: str) -> None:
        """Registers a service that publishes, in place of an earlier registration."""
        body = {
            "service_id": service_id,
            "name": service_id.replace("_", " "),
            "event_types": event_types,
            "authentication": {"type": "api_key", "api_key": key},
        }
        answer = self.http.post("/publishers", json=body)
        if answer.status_code == httpx.codes.CONFLICT:
            self.http.delete(f"/publishers/{service_id}").raise_for_status()
            answer = self.http.post("/publishers", json=body)
        _read(answer)

    def subscribe(self, subscription: dict[str, Any]) -> dict[str, Any]:
        """Registers a subscription.

        Returns:
            It, with its signing secret.
        """
        return _read(self.http.post("/subscriptions", json=subscription))

    def unsubscribe(self, subscription_id: str) -> None:
        """Removes a subscription."""
        self.http.delete(f"/subscriptions/{subscription_id}").raise_for_status()

    def subscriptions(self, service_id: str) -> list[dict[str, Any]]:
        """The subscriptions of a service."""
        return self._all("/subscriptions", {"service_id": service_id})

    def publish(self, event: dict[str, Any]) -> dict[str, Any]:
        """Publishes an event.

        Returns:
            What is stored of it, its id among it.
        """
        return _read(self.http.post("/events", json=event))

    def event(self, event_id: str) -> dict[str, Any]:
        """An event with its deliveries."""
        return _read(self.http.get(f"/events/{event_id}"))

    def events_of(self, correlation_id: str) -> list[dict[str, Any]]:
        """The events with a correlation id, oldest first."""
        return self._all("/events", {"correlation_id": correlation_id, "order": "oldest"})

    def _all(self, path: str, query: dict[str, str]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = _read(
                self.http.get(path, params={**query, **({"cursor": cursor} if cursor else {})})
            )
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items


def _read(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise Refused(f"{answer.request.method} {answer.request.url.path}: {answer.text}")
    body: dict[str, Any] = answer.json()
    return body
