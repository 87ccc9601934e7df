"""Clients of the deployed bus, as its admin and as its services."""

import re
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import orjson
from event_bus import times

from localstack.bus import LocalBus
from tests.answers import check_answer, template_of
from tests.end_to_end.receiver import Receiver, eventually, receiving

_numbers = count(1)
_SOON_SECONDS = 3


_API = re.compile("^/_aws/execute-api/[^/]+")
"""The beginning of an API's paths on the emulator."""


def http_client(bus: LocalBus, headers: dict[str, str]) -> httpx.Client:
    """Returns a client that checks every answer against its operation's declaration."""
    hooks = {"response": [_check]}
    return httpx.Client(base_url=bus.api_url, headers=headers, timeout=60, event_hooks=hooks)


def _check(response: httpx.Response) -> None:
    media_type = response.headers.get("content-type", "")
    # API Gateway's own answers have another form, and lack this header. Tests that read streams
    # check them.
    ours = "x-content-type-options" in response.headers
    method = response.request.method
    if not ours or media_type.startswith("text/") or method == "HEAD":
        return
    response.read()
    body: Any = None
    if response.content:
        body = response.json() if "json" in media_type else response.text
    template = template_of(_API.sub("", response.request.url.path))
    check_answer(method, template, response.status_code, media_type, body)


@dataclass
class Client:
    """The requests of a caller with one key."""

    http: httpx.Client
    service_id: str = "admin"

    @property
    def key(self) -> str:
        """The key."""
        return self.http.headers["x-api-key"]

    def publish(self, event_type: str, payload: dict[str, Any] | None = None, **more: Any) -> str:
        """Publishes an event.

        Returns:
            Its id.
        """
        answer = self.http.post(
            "/events", json={"type": event_type, "payload": payload or {}, **more}
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def event(self, event_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/events/{event_id}")
        assert answer.status_code == 200, answer.text
        event: dict[str, Any] = answer.json()
        return event

    def delivery(self, event_id: str, subscription_id: str) -> dict[str, Any] | None:
        """Returns the delivery of an event to a subscription, if the event was routed to it."""
        found = [
            each
            for each in self.event(event_id)["deliveries"]
            if each["subscription_id"] == subscription_id
        ]
        return found[0] if found else None

    def settled(self, event_id: str, subscription_id: str, status: str) -> dict[str, Any]:
        """Waits until the delivery of an event to a subscription has this status; returns it."""
        found: dict[str, Any] = eventually(
            lambda: (
                (each := self.delivery(event_id, subscription_id))
                and each["status"] == status
                and each
            )
        )
        return found

    def dead_letters(self, **filters: str) -> list[dict[str, Any]]:
        """Returns the dead letters that filters select, newest first."""
        answer = self.http.get("/dead-letters", params=filters)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def dead_letter(self, **filters: str) -> dict[str, Any]:
        """Waits for the one dead letter that filters select; returns it."""
        [letter] = eventually(lambda: self.dead_letters(**filters))
        found: dict[str, Any] = letter
        return found

    def replayed(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Requests a replay, and waits until it is completed."""
        answer = self.http.post(path, json=body)
        assert answer.status_code == 202, answer.text
        location = answer.headers["location"]
        assert location == f"/replays/{answer.json()['id']}"

        def completed() -> dict[str, Any] | None:
            replay: dict[str, Any] = self.http.get(location).json()
            return replay if replay["state"] == "completed" else None

        done: dict[str, Any] = eventually(completed)
        return done

    def subscribe(self, receiver: Receiver | str, *event_types: str, **more: Any) -> dict[str, Any]:
        """Registers a subscription.

        Returns:
            It, with its signing secret.
        """
        url = receiver if isinstance(receiver, str) else receiver.url
        answer = self.http.post(
            "/subscriptions",
            json={"name": "test", "event_types": event_types, "callback_url": url, **more},
        )
        assert answer.status_code == 201, answer.text
        subscription: dict[str, Any] = answer.json()
        return subscription


@dataclass
class World:
    """The bus, and the services that a test registers on it.

    Every service and every domain of types has a name of its own, so that tests share one bus.
    """

    bus: LocalBus
    admin: Client
    _open: ExitStack = field(default_factory=ExitStack)

    def name(self, stem: str) -> str:
        """A name that no other test uses."""
        return f"{stem}_{next(_numbers)}"

    def anonymous(self) -> httpx.Client:
        """A client without a key."""
        return self._client({})

    def with_key(self, key: str, service_id: str = "") -> Client:
        """A client with a key."""
        return Client(self._client({"x-api-key": key}), service_id)

    def publisher(self, *event_types: str) -> Client:
        """A service that may publish these types."""
        service_id = self.name("publisher")
        answer = self.admin.http.post(
            "/publishers",
            json={"service_id": service_id, "name": "A publisher", "event_types": event_types},
        )
        assert answer.status_code == 201, answer.text
        return self.with_key(answer.json()["authentication"]["api_key"], service_id)

    def service(self) -> Client:
        """A service that may publish one type of its own, and subscribe."""
        return self.publisher(f"{self.name('own')}.happened")

    def receiver(self, *args: Any) -> Receiver:
        """A receiver that listens until the test ends."""
        return self._open.enter_context(receiving(*args))

    def sweep(self) -> None:
        """Runs the sweeper, without waiting for its minute."""
        answer = self.bus.client("lambda").invoke(
            FunctionName=self.bus.resources["sweep_function"], Payload=b"{}"
        )
        assert "FunctionError" not in answer, answer["Payload"].read()

    def end_pause(self, subscription_id: str) -> None:
        """Ends the pause of an open circuit."""
        table, key = (
            self.bus.resources["circuits_table"],
            {"subscription_id": {"S": subscription_id}},
        )
        item = self.bus.dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        if item is None:
            return
        circuit = {**orjson.loads(item["document"]["S"]), "until": 0.0}
        with suppress(self.bus.dynamodb.exceptions.ConditionalCheckFailedException):
            self.bus.dynamodb.update_item(
                TableName=table,
                Key=key,
                UpdateExpression="SET document = :document",
                ConditionExpression="version = :version",
                ExpressionAttributeValues={
                    ":document": {"S": orjson.dumps(circuit).decode()},
                    ":version": item["version"],
                },
            )

    def make_due(self, letter: dict[str, Any]) -> None:
        """Makes a dead letter due in some seconds, if it is not due now.

        The next sweep sends it, with a delay until then.
        """
        replay = f"#{letter['replay_id']}" if letter["replay_id"] else ""
        with suppress(self.bus.dynamodb.exceptions.ConditionalCheckFailedException):
            self.bus.dynamodb.update_item(
                TableName=self.bus.resources["deliveries_table"],
                Key={
                    "event_id": {"S": letter["event_id"]},
                    "subscription_id": {"S": letter["subscription_id"] + replay},
                },
                UpdateExpression="SET next_retry_at = :soon, due_at = :soon",
                ConditionExpression="attribute_exists(due_shard)",
                ExpressionAttributeValues={":soon": {"S": times.after(_SOON_SECONDS)}},
            )

    def _client(self, headers: dict[str, str]) -> httpx.Client:
        return self._open.enter_context(http_client(self.bus, headers))

    def close(self) -> None:
        self._open.close()
