"""Clients of the deployed bus, as its admin and as its services."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import orjson
from event_bus import times
from event_bus_client import EventBus, NewEvent, RetryPolicy, path

from localstack.bus import LocalBus
from tests.answers import check_answer, check_location, template_of
from tests.end_to_end.receiver import Receiver, eventually, receiving

_numbers = count(1)
_SOON_SECONDS = 3


_API = re.compile("^/_aws/execute-api/[^/]+")
"""The beginning of an API's paths on the emulator."""


class CheckedTransport(httpx.HTTPTransport):
    """Checks every answer against its operation's declaration."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        media_type = answer.headers.get("content-type", "")
        # API Gateway's own answers have another form, and lack this header. Tests that read streams
        # check them.
        ours = "x-content-type-options" in answer.headers
        if not ours or media_type.startswith("text/") or request.method == "HEAD":
            return answer
        answer.read()
        body: Any = None
        if answer.content:
            body = answer.json() if "json" in media_type else answer.text
        template = template_of(_API.sub("", request.url.path))
        check_answer(request.method, template, answer.status_code, media_type, body)
        located = "location" in answer.headers
        check_location(request.method, template, answer.status_code, located)
        return answer


@dataclass
class Client:
    """The requests of a caller with one key.

    Attributes:
        http: Sends raw requests, for tests of statuses, headers and invalid input.
        bus: The Python client, for all other tests. It makes one attempt, because a retry would
            hide a failure.
        service_id: The service that the key belongs to.
    """

    http: httpx.Client
    bus: EventBus
    service_id: str

    @property
    def key(self) -> str:
        """The key."""
        return self.http.headers["x-api-key"]

    def publish(self, event_type: str, payload: dict[str, Any] | None = None, **more: Any) -> str:
        """Publishes an event.

        Returns:
            Its id.
        """
        return self.bus.publish(event_type, payload, **more).id

    def publish_all(self, events: list[dict[str, Any]]) -> list[str]:
        """Publishes up to 100 events in one request; checks that each was accepted.

        Returns:
            Their ids.
        """
        results = self.bus.publish_batch([NewEvent.of_document(each) for each in events])
        refused = [each.problem for each in results if each.problem]
        assert not refused, refused
        return [each.receipt.id for each in results if each.receipt]

    def event(self, event_id: str) -> dict[str, Any]:
        """Reads an event with its deliveries."""
        return self.bus.events.get(event_id).model_dump(mode="json", exclude_unset=True)

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
        return list(self.bus.dead_letters.list(**filters))

    def dead_letter(self, **filters: str) -> dict[str, Any]:
        """Waits for the one dead letter that filters select; returns it."""
        [letter] = eventually(lambda: self.dead_letters(**filters))
        found: dict[str, Any] = letter
        return found

    def replayed(self, event_id: str, subscription_id: str | None = None) -> dict[str, Any]:
        """Requests a replay, and waits until it is completed."""
        return self.completed(self.bus.events.replay(event_id, subscription_id=subscription_id))

    def completed(self, replay: dict[str, Any]) -> dict[str, Any]:
        """Waits until a replay is completed."""

        def look() -> dict[str, Any] | None:
            found = self.bus.replays.get(replay["id"])
            return found if found["state"] == "completed" else None

        done: dict[str, Any] = eventually(look)
        return done

    def subscribe(
        self, to: Receiver | str | dict[str, Any], *event_types: str, **more: Any
    ) -> dict[str, Any]:
        """Registers a subscription.

        Args:
            to: A receiver, the URL of a callback, or a target.
            event_types: Types or patterns.
            more: Further members of the subscription.

        Returns:
            It, with its signing secret if it has one.
        """
        if isinstance(to, dict):
            where: dict[str, Any] = {"target": to}
        else:
            where = {"callback_url": to if isinstance(to, str) else to.url}
        members = {"name": "test", "event_types": event_types, **where, **more}
        return self.bus.subscriptions.create(**members)

    def pull(self, *event_types: str, **more: Any) -> str:
        """Registers a subscription whose events are pulled, and returns its id."""
        return str(self.subscribe({"type": "pull"}, *event_types, **more)["id"])

    def waiting(self, subscription_id: str, wait: int = 0) -> list[dict[str, Any]]:
        """Returns the items of an inbox, without a lease.

        Args:
            subscription_id: The subscription.
            wait: How many seconds to wait for the first event.
        """
        query = {"cursor": "0", "wait": wait or None}
        where = path("/subscriptions/{}/events", subscription_id)
        items: list[dict[str, Any]] = self.bus.call("GET", where, query=query)["items"]
        return items

    def stream_token(self, subscription_id: str | None = None) -> str:
        """Makes a token for browsers: for one subscription, or for event types."""
        return self.bus.stream_token(subscription_id).token


@contextmanager
def client_of(bus: LocalBus, key: str, service_id: str = "admin") -> Iterator[Client]:
    """A client with a key."""
    transport = CheckedTransport()
    ours = EventBus(
        bus.api_url, key, timeout=60, retries=RetryPolicy(attempts=1), transport=transport
    )
    with httpx.Client(
        base_url=bus.api_url, headers={"x-api-key": key}, timeout=60, transport=transport
    ) as http:
        yield Client(http, ours, service_id)


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
        http = httpx.Client(base_url=self.bus.api_url, timeout=60, transport=CheckedTransport())
        return self._open.enter_context(http)

    def with_key(self, key: str, service_id: str = "") -> Client:
        """A client with a key."""
        return self._open.enter_context(client_of(self.bus, key, service_id))

    def publisher(self, *event_types: str, **more: Any) -> Client:
        """A service that may publish these types."""
        service_id = self.name("publisher")
        made = self.admin.bus.publishers.create(
            service_id=service_id, name="A publisher", event_types=event_types, **more
        )
        return self.with_key(made["authentication"]["api_key"], service_id)

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

    def forget(self, *functions: str) -> None:
        """Starts the processes of functions anew, so that they have cached nothing.

        A function does this whenever its configuration is updated.

        Args:
            functions: Their names in the stacks, such as `Status`.
        """
        client = self.bus.client("lambda")
        pages = client.get_paginator("list_functions").paginate()
        found = [
            each
            for page in pages
            for each in page["Functions"]
            if any(f"-{name}Function" in each["FunctionName"] for name in functions)
        ]
        assert len(found) == len(functions)
        for each in found:
            client.update_function_configuration(
                FunctionName=each["FunctionName"], MemorySize=each["MemorySize"]
            )

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

    def close(self) -> None:
        self._open.close()
