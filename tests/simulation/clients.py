"""Clients of the API, which repeat each request until it is answered."""

from typing import Any

from event_bus import times
from event_bus.access.callers import Caller

from tests.simulation.known import KnownEvent, KnownGrant, KnownSubscription, Subscriber, Violation
from tests.simulation.surroundings import Surroundings

ADMIN = Caller("admin", "admin")


class Clients(Surroundings):
    """Clients that repeat each request until it is answered."""

    def publish(self, *events: dict[str, Any]) -> list[int]:
        """Publishes events in one request, with chosen ids, until it is answered.

        Returns:
            The status of each.
        """
        began = self.moves
        body = events[0] if len(events) == 1 else list(events)
        for each in events:
            known = self.published.get(each["id"])
            if known is None:
                self.published[each["id"]] = KnownEvent(each, 0, began)
        status, answer = self.insist("publish", "POST /events", ADMIN, body)
        results = [{**answer, "status": status}] if len(events) == 1 else answer["results"]
        statuses = [each["status"] for each in results]
        for each, result in zip(events, results, strict=True):
            if result.get("deduplicated"):
                self.deduplicated[each["id"]] = result["id"]
        if any(each == 503 for each in statuses):
            return self.publish(*events)
        for each, result in zip(events, statuses, strict=True):
            if result < 300:
                first = self.published[each["id"]]
                self.published[each["id"]] = KnownEvent(each, result, first.began)
        return statuses

    def append(
        self, stream_id: str, *events: dict[str, Any], expected: int | str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Appends events to a stream in one request, until it is answered."""
        for each in events:
            first = self.published.get(each["id"])
            self.published[each["id"]] = first or KnownEvent(each, 0, self.moves)
        body: dict[str, Any] = {"stream_id": stream_id, "events": list(events)}
        if expected is not None:
            body["expected_version"] = expected
        status, answer = self.insist("publish", "POST /streams/events", ADMIN, body)
        if status < 300:
            for sent, stored in zip(events, answer["events"], strict=True):
                began = self.published[sent["id"]].began
                self.published[sent["id"]] = KnownEvent(sent, status, began)
                self.versions[sent["id"]] = stored["stream"]["version"]
        return status, answer

    def subscribe(
        self, event_types: list[str], subscriber: Subscriber | None = None, **members: Any
    ) -> str:
        """Registers a subscription, and its subscriber.

        Returns:
            Its id; empty if its service may receive no type of a pattern.
        """
        url = f"http://subscriber-{len(self.subscribers)}.example/"
        self.subscribers[url] = subscriber or Subscriber()
        where: dict[str, Any] = {"callback_url": url}
        if members.pop("reply", False):
            where = {"target": {"type": "http", "url": url, "reply": True}}
        return self._register(
            {"service_id": "worker", "event_types": event_types, **where, **members}
        )

    def _register(self, request: dict[str, Any]) -> str:
        if request.get("handles"):
            # It has a chosen id, so a repeated request does not conflict with itself.
            path = {"id": f"{request['service_id']}.handler-{self.moves}"}
            route = "PUT /subscriptions/{id}"
            status, answer = self.insist("registry", route, ADMIN, request, parameters=path)
            status = 201 if status == 200 else status
        else:
            status, answer = self.insist("registry", "POST /subscriptions", ADMIN, request)
        given = [each for each in self.given if each.service_id == request["service_id"]]
        if status == 403 and given and given[-1].event_types is not None:
            # The service may receive no type of one of its patterns.
            return ""
        if status != 201:
            raise Violation(f"a subscription was answered {status}: {answer}")
        at = times.seconds(answer["created_at"])
        self.subscribed[answer["id"]] = KnownSubscription(answer["id"], request, self.moves, at)
        return str(answer["id"])

    def change(self, subscription_id: str, **members: Any) -> None:
        """Changes a subscription; from then on, its expected events are uncertain."""
        self.unsettled.add(subscription_id)
        if members.get("status") == "disabled" and subscription_id in self.paused:
            self.skipped[subscription_id] = self.pauses[subscription_id]
        if "status" in members:
            self.paused.pop(subscription_id, None)
        self._patch(subscription_id, members)

    def pause(self, subscription_id: str) -> None:
        """Pauses a subscription: it receives later what it matches."""
        self._patch(subscription_id, {"status": "paused"})
        self.pauses[subscription_id] += 1
        self.paused[subscription_id] = self.now

    def resume(self, subscription_id: str, start: str) -> None:
        """Resumes a paused subscription, from its backlog or from now."""
        del self.paused[subscription_id]
        if start == "now":
            self.skipped[subscription_id] = self.pauses[subscription_id]
        self._patch(subscription_id, {"status": "active", "resume_from": start})

    def resume_all(self) -> None:
        """Resumes all paused subscriptions from their backlogs."""
        for subscription_id in list(self.paused):
            self.resume(subscription_id, "backlog")

    def _patch(self, subscription_id: str, members: dict[str, Any]) -> None:
        self.insist(
            "registry",
            "PATCH /subscriptions/{id}",
            ADMIN,
            members,
            parameters={"id": subscription_id},
        )

    def give(self, service_id: str, event_types: list[str] | None) -> None:
        """Gives a service the types that it may receive; None removes this right."""
        began, place = self.now, {"id": service_id}
        if event_types is None:
            self.insist("registry", "DELETE /subscribers/{id}", ADMIN, parameters=place)
        else:
            body = {"event_types": event_types}
            self.insist("registry", "PUT /subscribers/{id}", ADMIN, body, parameters=place)
        self.given.append(KnownGrant(service_id, event_types, began, self.now))

    def permitted(self, service_id: str, event_type: str, source: str, since: float) -> set[bool]:
        """Returns whether a service may receive a type: every answer that held since a time."""
        if service_id == source:
            return {True}
        default = KnownGrant(service_id, None, 0.0, 0.0)
        given = [default, *(each for each in self.given if each.service_id == service_id)]
        ends = [*(each.answered for each in given[1:]), float("inf")]
        return {
            _covers(each.event_types, event_type)
            for each, end in zip(given, ends, strict=True)
            if end > since
        }

    def delete(self, subscription_id: str) -> None:
        """Removes a subscription; from then on, its expected events are uncertain."""
        self.unsettled.add(subscription_id)
        self.gone.add(subscription_id)
        self.paused.pop(subscription_id, None)
        self.insist(
            "registry", "DELETE /subscriptions/{id}", ADMIN, parameters={"id": subscription_id}
        )

    def dead_letters(self, **filters: str) -> list[dict[str, Any]]:
        """Returns the dead letters that filters select."""
        return self.pages("recovery", "GET /dead-letters", {"limit": "100", **filters})

    def pages(self, function: str, route: str, query: dict[str, str]) -> list[dict[str, Any]]:
        """Returns the items of all pages of a list, as an admin sees them."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            status, answer = self.insist(function, route, ADMIN, query={**query, **cursor})
            if status != 200:
                raise Violation(f"{route} was answered {status}: {answer}")
            found += answer["items"]
            if answer["next_cursor"] is None:
                return found
            cursor = {"cursor": answer["next_cursor"]}


def _covers(patterns: list[str] | None, event_type: str) -> bool:
    # Independent of the code under test, and much simpler: exact types, `*` and `domain.*`.
    return patterns is None or any(
        pattern in ("*", event_type)
        or (pattern.endswith(".*") and event_type.startswith(pattern.removesuffix("*")))
        for pattern in patterns
    )
