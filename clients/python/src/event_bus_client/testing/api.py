"""The operations of the API that the bus in memory has."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx

from event_bus_client._bus.matching.event_types import matches_type
from event_bus_client.errors import Problem
from event_bus_client.testing.commands import CommandRecords
from event_bus_client.testing.network import Later
from event_bus_client.testing.problems import document, missing, refusal, refused
from event_bus_client.testing.store import Store, Stored
from event_bus_client.testing.streams import StreamRecords
from event_bus_client.testing.submissions import Document, envelope, submission
from event_bus_client.version import VERSION

_PULL_SECONDS = 0.02
"""How long a pull and a request for Server-Sent Events wait: a test must not wait long."""

_LISTED = {"type", "source", "correlation_id", "order", "limit", "cursor"}


class Api:
    """Answers requests.

    Attributes:
        store: The content of the bus.
        streams: Its event streams.
        commands: Its commands.
        listeners: How many requests for Server-Sent Events have come.
    """

    def __init__(self, source: str, deliver: Callable[[Stored], None]) -> None:
        """Makes an empty bus.

        Args:
            source: The service of a client that names none.
            deliver: Delivers an event to its callbacks.
        """
        self.store = Store()
        self.streams = StreamRecords(self.store)
        self.commands = CommandRecords(self.store)
        self.listeners = 0
        self._source = source
        self._deliver = deliver

    def respond(self, request: httpx.Request) -> httpx.Response | Later:
        """Answers a request.

        Raises:
            Problem: It is refused.
        """
        for method, path, respond in _ROUTES:
            found = path.fullmatch(request.url.path)
            if found and method == request.method:
                return respond(self, request, *found.groups())
        raise missing("route in the bus in memory:", f"{request.method} {request.url.path}")

    def publish(self, body: Any, caller: str) -> tuple[int, Document]:
        """Publishes an event; returns the status and the document of the answer."""
        stored = self.streams.publish(submission(body, caller))
        self.deliver(stored)
        return (200 if stored.repeated else 202), _accepted(stored)

    def deliver(self, *stored: Stored) -> None:
        """Delivers events that have just been stored, and tells those who wait."""
        for each in stored:
            self._deliver(each)
        with self.store.lock:
            self.store.lock.notify_all()

    def _caller(self, request: httpx.Request) -> str:
        return request.headers.get("x-api-key") or self._source

    def _named(self, request: httpx.Request) -> str:
        """Returns the service whose streams a request is about."""
        return request.url.params.get("source") or self._caller(request)

    def _publish(self, request: httpx.Request) -> httpx.Response:
        body, caller = _body(request), self._caller(request)
        if not isinstance(body, list):
            status, shown = self.publish(body, caller)
            return httpx.Response(status, json=shown)
        results = [self._result(each, caller) for each in body]
        accepted = sum(1 for each in results if "error" not in each)
        return httpx.Response(
            202 if accepted == len(results) else 207,
            json={"accepted": accepted, "refused": len(results) - accepted, "results": results},
        )

    def _result(self, body: Any, caller: str) -> Document:
        """Returns the result of one event of a batch."""
        try:
            status, shown = self.publish(body, caller)
        except Problem as problem:
            return {"status": problem.status, "error": document(problem)}
        return {"status": status, **shown}

    def _event(self, _: httpx.Request, event_id: str) -> httpx.Response:
        event = self.store.event(event_id)
        return httpx.Response(
            200, json={**event, "processed": True, "deliveries": [], "deliveries_complete": True}
        )

    def _events(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        if unknown := asked.keys() - _LISTED:
            raise missing("parameter of the bus in memory", min(unknown))
        found = [
            {**each, "processed": True}
            for each in self.store.events.values()
            if matches_type(asked.get("type", "*"), each["type"])
            and asked.get("source", each["source"]) == each["source"]
            and asked.get("correlation_id") in (None, each["metadata"].get("correlation_id"))
        ]
        if asked.get("order") != "oldest":
            found.reverse()
        return _page(found, asked)

    def _append(self, request: httpx.Request) -> httpx.Response:
        body = _body(request)
        if not isinstance(body, dict) or not isinstance(body.get("stream_id"), str):
            raise refused(("/stream_id", "is required"))
        stored = self.streams.append(body, self._caller(request))
        self.deliver(*stored)
        shown = {
            "source": stored[-1].event["source"],
            "stream_id": body["stream_id"],
            "version": stored[-1].event["metadata"]["stream_version"],
            "events": [_accepted(each) for each in stored],
        }
        return httpx.Response(200 if stored[0].repeated else 202, json=shown)

    def _stream_events(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        first, last = (int(asked.get(name, 0)) for name in ("from_version", "to_version"))
        found = [
            each
            for each in self.streams.read(self._named(request), asked["stream_id"])
            if each["version"] >= first and (not last or each["version"] <= last)
        ]
        if asked.get("direction") == "backward":
            found.reverse()
        return _page(found, asked)

    def _streams(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        found = self.streams.listed(
            self._named(request), asked.get("category"), asked.get("prefix", "")
        )
        return _page(found, asked)

    def _head(self, request: httpx.Request) -> httpx.Response:
        shown = self.streams.head(self._named(request), request.url.params["stream_id"])
        return httpx.Response(200, json=shown)

    def _state(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        version = asked.get("at_version")
        shown = self.streams.state(
            self._named(request),
            asked["stream_id"],
            None if version is None else int(version),
            asked.get("at_time"),
        )
        return httpx.Response(200, json=shown)

    def _truncate(self, request: httpx.Request) -> httpx.Response:
        stream_id, before = request.url.params["stream_id"], _body(request)["truncate_before"]
        shown = self.streams.truncate(self._named(request), stream_id, before)
        return httpx.Response(200, json=shown)

    def _delete_stream(self, request: httpx.Request) -> httpx.Response:
        self.streams.delete(self._named(request), request.url.params["stream_id"])
        return httpx.Response(204)

    def _send_command(self, request: httpx.Request) -> Later:
        body, asked = _body(request), request.url.params
        if not isinstance(body, dict):
            raise refused(("", "must be an object"))
        self.commands.check(body)
        if asked.get("require_handler") == "true":
            self.commands.require_handler(str(body.get("type")))
        _, stored = self.publish(body, self._caller(request))
        return self._when_ended(stored["id"], request, 202)

    def _command(self, request: httpx.Request, command_id: str) -> Later:
        self.commands.document(command_id, self._caller(request))
        return self._when_ended(command_id, request, 200)

    def _when_ended(self, command_id: str, request: httpx.Request, status: int) -> Later:
        def answer() -> httpx.Response:
            ended = self.commands.ended(command_id)
            shown = self.commands.document(command_id, self._caller(request))
            return httpx.Response(200 if ended else status, json=shown)

        return Later(
            lambda: self.commands.ended(command_id),
            float(request.url.params.get("wait", 0)),
            answer,
        )

    def _cancel(self, request: httpx.Request, command_id: str) -> httpx.Response:
        shown = self.commands.cancel(command_id, self._caller(request))
        return httpx.Response(200, json=shown)

    def _reply(self, request: httpx.Request, command_id: str) -> httpx.Response:
        body = _body(request)
        given = [name for name in ("payload", "error") if isinstance(body.get(name), dict)]
        if len(given) != 1:
            raise refused(("", "must have either a payload or an error"))
        failed = given == ["error"]
        # Problem details have a type, by default this one.
        payload = {"type": "about:blank", **body["error"]} if failed else body["payload"]
        stored = self.commands.reply(command_id, self._caller(request), payload, failed=failed)
        if not stored.repeated:
            self.deliver(stored)
        event = stored.event
        shown = {name: event[name] for name in ("id", "type", "source", "created_at")}
        shown |= {"command_id": command_id, "status": event["metadata"]["reply_status"]}
        return httpx.Response(200 if stored.repeated else 202, json=shown)

    def _subscribe(self, request: httpx.Request) -> httpx.Response:
        made = self.store.subscribe(_body(request), self._caller(request))
        return httpx.Response(201, json={**made.document, "signing_secret": made.secret})

    def _subscriptions(self, request: httpx.Request) -> httpx.Response:
        found = [each.document for each in self.store.subscriptions.values()]
        return _page(found, request.url.params)

    def _subscription(self, _: httpx.Request, its_id: str) -> httpx.Response:
        return httpx.Response(200, json=self.store.subscription(its_id).document)

    def _put(self, request: httpx.Request, its_id: str) -> httpx.Response:
        new = its_id not in self.store.subscriptions
        made = self.store.subscribe(_body(request), its_id.partition(".")[0], its_id)
        secret = {"signing_secret": made.secret} if new else {}
        return httpx.Response(201 if new else 200, json={**made.document, **secret})

    def _change(self, request: httpx.Request, its_id: str) -> httpx.Response:
        before, change = self.store.subscription(its_id), _body(request)
        members = {**before.document, **change}
        changed = self.store.subscribe(members, before.service_id, its_id)
        if before.paused and not changed.paused:
            kept = self.store.resume(changed, change.get("resume_from", "backlog"))
            self.deliver(*(Stored(each, (changed,)) for each in kept))
        return httpx.Response(200, json=changed.document)

    def _unsubscribe(self, _: httpx.Request, its_id: str) -> httpx.Response:
        self.store.subscription(its_id)
        with self.store.lock:
            del self.store.subscriptions[its_id]
        return httpx.Response(204)

    def _fetch(self, request: httpx.Request, its_id: str) -> httpx.Response | Later:
        asked, found = request.url.params, self.store.subscription(its_id)
        limit = int(asked.get("limit", 50))
        if (cursor := asked.get("cursor")) is not None:
            items = self.store.items(found, int(cursor), limit)
            end = items[-1]["cursor"] if items else cursor
            answer = {"items": items, "cursor": end, "lease": None, "lease_expires_at": None}
            return httpx.Response(200, json=answer)
        seconds = float(asked.get("lease", 30))

        def answered() -> httpx.Response:
            try:
                return httpx.Response(200, json=self.store.take(found, limit, seconds))
            except Problem as problem:
                return refusal(problem)

        return Later(lambda: len(found.inbox) > found.acknowledged, _PULL_SECONDS, answered)

    def _acknowledge(self, request: httpx.Request, its_id: str) -> httpx.Response:
        self.store.acknowledge(self.store.subscription(its_id), _body(request))
        return httpx.Response(204)

    def _listen(self, request: httpx.Request) -> Later:
        """Returns an answer of Server-Sent Events: the events since the last id, or from now on."""
        types = request.url.params.get("types", "*").split(",")
        with self.store.lock:
            last_id = request.headers.get("last-event-id")
            begun = len(self.store.events) if last_id is None else int(last_id)
            self.listeners += 1
            self.store.lock.notify_all()

        def answer() -> httpx.Response:
            events = list(self.store.events.values())
            blocks = [
                f"id: {place}\ndata: {json.dumps(envelope(each))}"
                for place, each in enumerate(events[begun:], begun + 1)
                if any(matches_type(pattern, each["type"]) for pattern in types)
                and "reply_for" not in each["metadata"]
            ]
            text = "\n\n".join([*blocks, f"id: {len(events)}\n\n"])
            return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})

        return Later(lambda: len(self.store.events) > begun, _PULL_SECONDS, answer)

    def _ready(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"status": "pass", "releaseId": VERSION})


def _body(request: httpx.Request) -> Any:
    return json.loads(request.content) if request.content else {}


def _accepted(stored: Stored) -> Document:
    event = stored.event
    shown = {name: event[name] for name in ("id", "type", "source", "timestamp", "created_at")}
    if (version := event["metadata"].get("stream_version")) is not None:
        shown["stream"] = {"id": event["metadata"]["stream_id"], "version": version}
    return shown


def _page(found: list[Document], asked: httpx.QueryParams) -> httpx.Response:
    begun, limit = int(asked.get("cursor", 0)), int(asked.get("limit", 50))
    end = begun + limit
    cursor = str(end) if end < len(found) else None
    return httpx.Response(200, json={"items": found[begun:end], "next_cursor": cursor})


_Respond = Callable[..., httpx.Response | Later]
_ROUTES: list[tuple[str, re.Pattern[str], _Respond]] = [
    (method, re.compile(path), respond)
    for method, path, respond in (
        ("POST", "/events", Api._publish),
        ("GET", "/events", Api._events),
        ("GET", "/events/([^/]+)", Api._event),
        ("POST", "/events/([^/]+)/reply", Api._reply),
        ("POST", "/streams/events", Api._append),
        ("GET", "/streams/events", Api._stream_events),
        ("GET", "/streams/head", Api._head),
        ("GET", "/streams/state", Api._state),
        ("GET", "/streams", Api._streams),
        ("PATCH", "/streams", Api._truncate),
        ("DELETE", "/streams", Api._delete_stream),
        ("POST", "/commands", Api._send_command),
        ("GET", "/commands/([^/]+)", Api._command),
        ("POST", "/commands/([^/]+)/cancel", Api._cancel),
        ("POST", "/subscriptions", Api._subscribe),
        ("GET", "/subscriptions", Api._subscriptions),
        ("GET", "/subscriptions/([^/]+)", Api._subscription),
        ("PUT", "/subscriptions/([^/]+)", Api._put),
        ("PATCH", "/subscriptions/([^/]+)", Api._change),
        ("DELETE", "/subscriptions/([^/]+)", Api._unsubscribe),
        ("GET", "/subscriptions/([^/]+)/events", Api._fetch),
        ("POST", "/subscriptions/([^/]+)/ack", Api._acknowledge),
        ("GET", "/stream", Api._listen),
        ("GET", "/health/ready", Api._ready),
    )
]
