"""Consumers that read inboxes by pull or over a WebSocket."""

from typing import Any

import orjson
from event_bus import times

from tests.simulation.clients import ADMIN, Clients
from tests.simulation.known import Violation
from tests.simulation.sockets import SimulatedSocketClient


class Consumers(Clients):
    """Clients that pull an inbox, or that the bus pushes to."""

    def subscribe_inbox(self, event_types: list[str], kind: str, **members: Any) -> str:
        """Registers a subscription with an inbox that is pulled or pushed.

        Returns:
            Its id.
        """
        return self._register(
            {
                "service_id": "worker",
                "event_types": event_types,
                "target": {"type": kind},
                **members,
            }
        )

    def connect(self, subscription_id: str) -> SimulatedSocketClient:
        """Makes a client follow a subscription over a WebSocket."""
        client = SimulatedSocketClient(
            subscription_id,
            len(self.sockets),
            expired=lambda: self.places_that_expired(subscription_id),
        )
        self.sockets.append(client)
        self.reconnect(client)
        return client

    def reconnect(self, client: SimulatedSocketClient) -> None:
        """Reconnects a client until it follows, or its subscription is deleted."""
        for _ in range(20):
            client.reconnect()
            asked = {
                "action": "subscribe",
                "subscription_id": client.subscription_id,
                "cursor": str(client.last),
            }
            # A client that receives an error reconnects.
            if self.say(client, asked) and client.following:
                return
            if client.subscription_id in self.gone:
                return
            self.now += 1
        raise Violation(f"{client.connection_id} never follows")

    def say(self, client: SimulatedSocketClient, message: dict[str, Any]) -> bool:
        """Sends a client's message; returns whether the bus accepted it."""
        context = {
            "eventType": "MESSAGE",
            "connectionId": client.connection_id,
            "authorizer": ADMIN.context(),
        }
        client.errors.clear()
        event = {"requestContext": context, "body": orjson.dumps(message).decode()}
        done, _ = self._call("socket", event)
        return done and not client.errors

    def pull(
        self,
        subscription_id: str,
        *,
        crash: bool = False,
        part: bool = False,
        careless: bool = False,
    ) -> bool:
        """Makes a consumer pull the next events, and acknowledge them.

        Args:
            subscription_id: Whose inbox.
            crash: Whether the consumer crashes before it acknowledges.
            part: Whether it acknowledges the first event alone.
            careless: Whether it also sends acknowledgements that must be refused.

        Returns:
            Whether there were events.
        """
        if subscription_id in self.gone:
            return False
        path = {"id": subscription_id}
        status, taken = self.insist(
            "inbox", "GET /subscriptions/{id}/events", ADMIN, parameters=path, query={"limit": "3"}
        )
        if status == 409:
            # Somebody has a lease: a consumer that crashed, or whose answer was lost.
            self.now += 60
            return True
        if not taken["items"]:
            return False
        self.note_taken(subscription_id, taken)
        if careless:
            self._acknowledge_carelessly(subscription_id, taken)
        if not crash:
            place = int(taken["items"][0]["cursor"] if part else taken["cursor"])
            if self._acknowledge_taken(subscription_id, taken, place) == 204:
                self.done[subscription_id] = place
        return True

    def note_taken(self, subscription_id: str, taken: dict[str, Any]) -> None:
        """Checks and notes the events that a consumer was given under a lease."""
        self._check_taken(subscription_id, [int(item["cursor"]) for item in taken["items"]])
        self.pulled.setdefault(subscription_id, []).extend(
            item["delivery_id"] for item in taken["items"]
        )

    def _check_taken(self, subscription_id: str, places: list[int]) -> None:
        begun = self.done.get(subscription_id, 0)
        gone = self.places_that_expired(subscription_id)
        expected = [each for each in range(begun + 1, places[-1] + 1) if each not in gone]
        if self.subscribed[subscription_id].request.get("handles"):
            # Commands that have ended are left out.
            expected = sorted({each for each in places if each > begun})
        if places != expected:
            raise Violation(f"{places} were taken of {subscription_id} behind {begun}")

    def places_that_expired(self, subscription_id: str) -> set[int]:
        """Returns the places of an inbox whose events have expired."""
        return {
            int(item["position"]["N"])
            for item in self.tables.items["inbox"].values()
            if item["subscription_id"]["S"] == subscription_id
            and "event_id" in item
            and self.event_has_expired(item["event_id"]["S"])
        }

    def _acknowledge_taken(self, subscription_id: str, taken: dict[str, Any], place: int) -> int:
        status = self._post_acknowledgement(subscription_id, taken["lease"], place)
        ended = self.spoiled or times.seconds(taken["lease_expires_at"]) <= self.now
        refused = (status == 409 and ended) or (status == 404 and subscription_id in self.gone)
        if status != 204 and not refused:
            raise Violation(f"an acknowledgement was answered {status}")
        return status

    def _acknowledge_carelessly(self, subscription_id: str, taken: dict[str, Any]) -> None:
        begun, end = self.done.get(subscription_id, 0), int(taken["cursor"])
        for lease, place in (
            (taken["lease"], end + 1),
            (taken["lease"], begun),
            ("lease_of_nobody", end),
        ):
            status = self._post_acknowledgement(subscription_id, lease, place)
            if status not in (409, 422):
                raise Violation(f"an acknowledgement of {place} was answered {status}")

    def _post_acknowledgement(self, subscription_id: str, lease: str, place: int) -> int:
        status, _ = self.insist(
            "inbox",
            "POST /subscriptions/{id}/ack",
            ADMIN,
            {"lease": lease, "cursor": str(place)},
            parameters={"id": subscription_id},
        )
        return status

    def come_again(self) -> None:
        """Reconnects all consumers, until they have seen the end of their inboxes."""
        for client in self.sockets:
            if client.subscription_id not in self.gone:
                self.reconnect(client)
        self.settle()
        for subscription_id in sorted(self.pulled):
            while subscription_id not in self.gone and self.pull(subscription_id):
                pass
