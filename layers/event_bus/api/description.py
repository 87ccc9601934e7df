"""Makes the OpenAPI document of the API: `python -m event_bus.api.description`.

The routes come from the table that the API stack deploys, the requests from the models that read
them; a test keeps the document that is served equal to what this makes.
"""

from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from event_bus.api.body import MAX_BODY_BYTES
from event_bus.api.described_operations import OPERATIONS, Described
from event_bus.api.described_webhooks import WEBHOOKS
from event_bus.api.diagram import MERMAID
from event_bus.api.examples import EXAMPLES
from event_bus.api.routes import ROUTES, Route
from event_bus.api.schema_parts import Schema, array, ref
from event_bus.api.schemas import SCHEMAS
from event_bus.inbox.sse_format import MEDIA_TYPE
from event_bus.model.credentials import KeyRequest, RotationRequest
from event_bus.model.event import EventSubmission
from event_bus.model.fetching import Acknowledgement
from event_bus.model.registration import (
    PublisherChange,
    PublisherRegistration,
    SubscriptionChange,
    SubscriptionRegistration,
)
from event_bus.model.replay import EventReplayRequest, ReplayRequest
from event_bus.model.rights import SubscriberRequest
from event_bus.publishing.intake import MAX_BATCH
from event_bus.recovery.dead_letters import BulkRetryRequest

DOCUMENT = Path(__file__).with_name("openapi.json")

NOWHERE = "https://event-bus.example.com"
"""The URL of no deployment; the document that is served names its own."""

REQUESTS: tuple[type[BaseModel], ...] = (
    EventSubmission,
    PublisherChange,
    PublisherRegistration,
    SubscriberRequest,
    KeyRequest,
    RotationRequest,
    SubscriptionRegistration,
    SubscriptionChange,
    EventReplayRequest,
    ReplayRequest,
    BulkRetryRequest,
    Acknowledgement,
)

TAGS = {
    "Events": "Publish events, and read them back with their deliveries.",
    "Publishers": "Register the services that publish, and what they may publish.",
    "Subscribers": "Decide what each service may receive (admin).",
    "Subscriptions": "Register who receives which events, and where.",
    "Keys": "Make, rotate and revoke the API keys of a service.",
    "Receiving": "Fetch the events of a subscription: by pulling, or as Server-Sent Events.",
    "Dead letters": "See what could not be delivered, and try it anew.",
    "Replays": "Deliver events of the past again.",
    "Operations": "Metrics, analytics and the audit log (admin).",
    "Status": "Health, and this document. No key is needed.",
    "Webhooks": "What a subscriber's endpoint receives.",
}
"""What operations are grouped by."""

_ANSWERS: dict[int, str] = {
    200: "Done.",
    201: "Created.",
    202: "Accepted.",
    204: "Done; there is nothing to show.",
    207: "Some events of the batch were refused.",
    503: "A check failed.",
}

_PROBLEMS: dict[int, tuple[str, str]] = {
    400: ("MalformedRequest", "The request cannot be read."),
    401: ("Unauthenticated", "The API key is missing or not valid."),
    403: ("Forbidden", "The key does not permit this."),
    404: ("NotFound", "There is none, or none that the key may see."),
    409: ("Conflict", "It conflicts with what is stored."),
    412: ("PreconditionFailed", "There is one already, and `If-None-Match` is `*`."),
    413: ("TooLarge", f"The body is over {MAX_BODY_BYTES} bytes, or a payload over its limit."),
    415: (
        "UnsupportedMediaType",
        "`content-type` names something other than JSON, or `content-encoding` something other "
        "than gzip. A body without a `content-type` is read as JSON.",
    ),
    422: ("InvalidRequest", "A member of the body is not what it must be."),
    429: ("TooManyRequests", "The key makes too many requests; come again after `Retry-After`."),
    503: ("Unavailable", "A service behind the bus failed; come again after `Retry-After`."),
}
"""The name and the meaning of each refusal."""

_COME_AGAIN = (429, 503)

_OTHERWISE: dict[str, dict[str, Schema]] = {
    "EventStream": {MEDIA_TYPE: {"type": "string"}},
    "Exposition": {"text/plain": {"type": "string"}},
    "Flow": {"application/json": ref("Flow"), MERMAID: {"type": "string"}},
    "Document": {"application/json": {"type": "object"}},
}
"""What is not answered as JSON of a schema, or not as that alone, by media type."""

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A random string in quotes: the same request with the same key is carried out "
    "once, and answered again as it was for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 512},
}


def describe(url: str = NOWHERE) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API.

    Args:
        url: Where the API is.
    """
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Event Bus Service",
            "version": "0.1.0",
            "description": "Publish events, subscribe to them, read them back, and replay them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "security": [{"apiKey": []}, {"bearer": []}],
        "tags": [{"name": name, "description": said} for name, said in TAGS.items()],
        "paths": paths,
        "webhooks": WEBHOOKS,
        "components": {
            "schemas": dict(sorted(_schemas().items())),
            "responses": {name: _problem(status) for status, (name, _) in _PROBLEMS.items()},
            "headers": {
                "RetryAfter": {
                    "description": "After how many seconds the request may be sent again.",
                    "schema": {"type": "integer", "minimum": 0},
                }
            },
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _schemas() -> dict[str, Schema]:
    _, made = models_json_schema(
        [(model, "validation") for model in REQUESTS],
        ref_template="#/components/schemas/{model}",
    )
    requests = made["$defs"]
    schemas: dict[str, Schema] = {
        **requests,
        **SCHEMAS,
        "EventBatch": {**array(ref("EventSubmission")), "minItems": 1, "maxItems": MAX_BATCH},
        "Publication": {"oneOf": [ref("EventSubmission"), ref("EventBatch")]},
    }
    for name in ("SubscriptionRegistration", "SubscriptionChange"):
        # Without a name of its own, generators call the union by where it stands, once for each.
        of_target, null = schemas[name]["properties"]["target"]["anyOf"]
        schemas["TargetRequest"] = of_target
        schemas[name]["properties"]["target"]["anyOf"] = [ref("TargetRequest"), null]
    for name, example in EXAMPLES.items():
        schemas[name] = {**schemas[name], "examples": [example]}
    return schemas


def _operation(route: Route) -> dict[str, Any]:
    operation = OPERATIONS[route.key]
    health = "Health" in operation.answers.values()
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [_tag(route)],
        "summary": operation.summary,
        "responses": {
            str(status): _answer(_ANSWERS[status], schema, health=health)
            for status, schema in operation.answers.items()
        },
    }
    parameters = list(operation.query) + list(operation.headers)
    if route.creates:
        parameters.append(_IDEMPOTENCY_KEY)
    parameters += [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in ("id", "key_id")
        if f"{{{name}}}" in route.path
    ]
    if parameters:
        described["parameters"] = parameters
    if operation.body:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": {"schema": operation.body}},
        }
    if route.public:
        described["security"] = []
    else:
        described["x-scope"] = "admin" if route.admin else route.scope
    for status in _refusals(route, operation):
        name, _ = _PROBLEMS[status]
        described["responses"][str(status)] = {"$ref": f"#/components/responses/{name}"}
    return described


def _tag(route: Route) -> str:
    if route.function in ("keys", "inbox", "status", "publish", "events"):
        return {"keys": "Keys", "inbox": "Receiving", "status": "Status"}.get(
            route.function, "Events"
        )
    if route.function in ("metrics", "audit_log"):
        return "Operations"
    kind, _, _ = route.action.partition(".")
    return f"{kind.replace('_', ' ').capitalize()}s"


def _refusals(route: Route, operation: Described) -> list[int]:
    statuses = set(operation.refusals)
    if not route.public:
        statuses |= {401, 403, 429, 503}
    if operation.query:
        statuses.add(400)
    if operation.body:
        statuses |= {400, 413, 415, 422}
    if route.creates:
        statuses |= {400, 409, 422}
    return sorted(statuses - operation.answers.keys())


def _problem(status: int) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": _PROBLEMS[status][1],
        "content": {"application/problem+json": {"schema": ref("Problem")}},
    }
    if status in _COME_AGAIN:
        described["headers"] = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
    return described


def _answer(description: str, schema: str | None, *, health: bool) -> dict[str, Any]:
    if schema is None:
        return {"description": description}
    media_type = "application/health+json" if health else "application/json"
    content = _OTHERWISE.get(schema) or {media_type: ref(schema)}
    return {
        "description": description,
        "content": {each: {"schema": described} for each, described in content.items()},
    }


def main() -> None:
    """Writes the document to where it is served from."""
    document = orjson.dumps(describe(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    DOCUMENT.write_bytes(document)


if __name__ == "__main__":
    main()
