"""A registry in memory, which reads requests and writes answers by the bus's own models."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import httpx
from event_bus import times
from event_bus.api.documents.services import publisher_document
from event_bus.api.documents.subscriptions import subscription_document
from event_bus.errors import InvalidRequest
from event_bus.model.publisher import Publisher
from event_bus.registry.asked_subscriptions import asked_for
from event_bus.registry.subscription_requests import SubscriptionRegistration
from event_bus.requests.publisher import PublisherChange, PublisherRegistration
from event_bus.requests.read_model import ReadModelRegistration
from event_bus.requests.validation import members_of, read

from tests.unit.clients.command_line import ScriptedBus
from tests.unit.clients.described import openapi_answer

COLLECTIONS = ("publishers", "subscribers", "schemas", "reducers", "read-models", "subscriptions")
Documents = dict[str, dict[str, Any]]


class RegistryBus(ScriptedBus):
    """Answers what `apply` and `export` ask for.

    Attributes:
        stored: What is registered, by collection and id.
        fails_after: After how many changes each further one is refused; None refuses none.
    """

    def __init__(self, fails_after: int | None = None) -> None:
        super().__init__()
        self.fails_after = fails_after
        self.stored: dict[str, Documents] = {name: {} for name in COLLECTIONS}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        changes = request.method != "GET"
        if changes and self.fails_after is not None and len(self.changes) >= self.fails_after:
            return httpx.Response(403, json={"title": "No", "detail": "refused"})
        self.requests.append(request)
        parts = [unquote(each) for each in request.url.raw_path.decode().split("?")[0].split("/")]
        if parts[1] == "openapi.json":
            return openapi_answer()
        body = json.loads(request.content) if request.content else {}
        if parts[1] in ("reducers", "read-models") and parts[2:]:
            parts[2] = f"{request.url.params['source']}/{parts[2]}"
        try:
            respond: Callable[..., httpx.Response] = getattr(self, f"_{request.method.lower()}")
            return respond(parts[1], parts[2:], body)
        except InvalidRequest as refused:
            return httpx.Response(422, json=refused.document())

    def _get(self, collection: str, below: list[str], _: Any) -> httpx.Response:
        documents = self.stored[collection]
        if not below:
            return httpx.Response(200, json={"items": [*documents.values()], "next_cursor": None})
        if below[0] not in documents:
            return httpx.Response(404, json={"title": "none"})
        document = documents[below[0]]
        return httpx.Response(200, json=document["version"] if below[1:] else document)

    def _post(self, collection: str, below: list[str], body: Any) -> httpx.Response:
        documents = self.stored[collection]
        if collection == "publishers":
            asked = read(PublisherRegistration, body)
            now = times.now()
            made = Publisher(
                asked.service_id,
                asked.name or asked.service_id,
                asked.event_types,
                now,
                now,
                asked.sensitive,
                asked.sensitive_readers,
                asked.restricted,
            )
            documents[made.service_id] = {**publisher_document(made), **_TIMES}
            key = {"authentication": {"type": "api_key", "api_key": "ebk_of.the_shop"}}
            return httpx.Response(201, json={**documents[made.service_id], **key})
        assert below[1:] == ["versions"]
        settings = {"compatibility": "backward", "validation": "off", "description": None}
        document = documents.setdefault(below[0], {**settings, "type": below[0]})
        version = {"example": None, "upcast": None, **body}
        if document.get("version") != version:
            document["latest_version"] = document.get("latest_version", 0) + 1
        document["version"] = version
        return httpx.Response(201, json={**version, "version": document["latest_version"]})

    def _put(self, collection: str, below: list[str], body: Any) -> httpx.Response:
        documents = self.stored[collection]
        new = below[0] not in documents
        if collection == "subscribers":
            documents[below[0]] = {**body, "service_id": below[0]}
            return httpx.Response(200, json=documents[below[0]])
        if collection == "reducers":
            source, _, category = below[0].partition("/")
            named = {"source": source, "category": category}
            documents[below[0]] = {"expression": None, **body, **named}
            return httpx.Response(200, json=documents[below[0]])
        if collection == "read-models":
            source, _, category = below[0].partition("/")
            asked_indexes = read(ReadModelRegistration, body).indexes
            built = {"serving": None, "building": {"indexes": asked_indexes}}
            documents[below[0]] = {"source": source, "category": category, **built}
            return httpx.Response(200, json=documents[below[0]])
        asked = read(SubscriptionRegistration, body)
        shown = subscription_document(asked_for(asked, below[0], str(asked.service_id)))
        status = "active" if new else documents[below[0]]["status"]
        documents[below[0]] = {**shown, **_TIMES, "status": status}
        secret = {"signing_secret": "whsec_1"} if new and shown["callback_url"] else {}
        return httpx.Response(201 if new else 200, json={**documents[below[0]], **secret})

    def _patch(self, collection: str, below: list[str], body: Any) -> httpx.Response:
        if collection == "publishers":
            members_of(read(PublisherChange, body))
        self.stored[collection][below[0]].update(body)
        return httpx.Response(200, json=self.stored[collection][below[0]])

    def _delete(self, collection: str, below: list[str], _: Any) -> httpx.Response:
        del self.stored[collection][below[0]]
        return httpx.Response(204)


_TIMES = {"created_at": "2026-05-01T12:00:00.000Z", "updated_at": "2026-05-01T12:00:00.000Z"}
"""The same for all, so that two registries can be compared."""
