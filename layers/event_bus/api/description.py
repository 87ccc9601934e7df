"""Makes the OpenAPI document of the API: `python -m event_bus.api.description`.

It is made from the operations, which also make the routes of the API stack, and from the models of
requests and answers. A test keeps the served document equal to it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from event_bus.api.body import MAX_BODY_BYTES
from event_bus.api.documents import bus_events
from event_bus.api.documents.events import DeliveredEvent
from event_bus.api.documents.problems import Problem as ProblemDocument
from event_bus.api.documents.targets import describe_requests
from event_bus.api.examples import EXAMPLES
from event_bus.api.operation import Content, Model, Operation
from event_bus.api.operations.registry import OPERATIONS
from event_bus.api.parameters import Header, Parameter
from event_bus.api.schemas import Schema, ref, schemas_of
from event_bus.api.webhooks import WEBHOOKS
from event_bus.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    MalformedRequest,
    NotFound,
    PreconditionFailed,
    Problem,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from event_bus.version import VERSION

DOCUMENT = Path(__file__).with_name("openapi.json")

NOWHERE = "https://event-bus.example.com"
"""A placeholder; the served document has the URL of its deployment."""

TAGS = {
    "Events": "Publish events, and read them back with their deliveries.",
    "Commands": "Ask another service to act, and receive its reply.",
    "Event streams": "Append to streams, read them in order, list, truncate and delete them.",
    "Publishers": "Register the services that publish, and what they may publish.",
    "Subscribers": "Decide what each service may receive (admin).",
    "Subscriptions": "Register who receives which events, and where.",
    "Schemas": "Describe the payloads of event types, and list the types.",
    "Contexts": "Store the data that enrichments look up.",
    "Keys": "Make, rotate and revoke the API keys of a service.",
    "Receiving": "Fetch the events of a subscription: by pulling, or as Server-Sent Events.",
    "Dead letters": "See which deliveries failed, and retry them.",
    "Replays": "Deliver events of the past again.",
    "Operations": "Metrics, analytics and the audit log (admin).",
    "Status": "Health, and this document. No key is needed.",
    "Webhooks": "The request that a subscriber's endpoint receives.",
}
"""The groups of operations."""

_ANSWERS: dict[int, str] = {
    200: "Done.",
    201: "Created.",
    202: "Accepted.",
    204: "Done; there is nothing to show.",
    207: "Some events of the batch were refused.",
    503: "A check failed.",
}

_PROBLEMS: dict[type[Problem], str] = {
    MalformedRequest: "The request cannot be read.",
    Unauthenticated: "The API key is missing or not valid.",
    Forbidden: "The key does not permit this.",
    NotFound: "There is no such resource, or none that the key may see.",
    Conflict: "It conflicts with what is stored. If `Retry-After` is sent, it may succeed later.",
    PreconditionFailed: "The resource exists already, and `If-None-Match` is `*`.",
    TooLarge: f"The body is over {MAX_BODY_BYTES} bytes, or a payload over its limit.",
    UnsupportedMediaType: "`content-type` names something other than JSON, or `content-encoding` "
    "something other than gzip, or a body compressed by gzip has the `content-type` "
    "`application/json`. A body without a `content-type` is read as JSON.",
    InvalidRequest: "A member of the body or a parameter is not valid, or the `Idempotency-Key` "
    "belongs to another request.",
    TooManyRequests: "The key makes too many requests, or too many requests of its service wait; "
    "retry after `Retry-After`.",
    Unavailable: "The bus cannot carry out the request now, such as while AWS does not answer; "
    "retry after `Retry-After`.",
}
"""The meaning of each refusal."""

_HEADERS: dict[str, dict[str, Any]] = {
    "IdempotentReplayed": {
        "description": "The answer is that of an earlier request with this `Idempotency-Key`.",
        "schema": {"type": "string", "const": "true"},
    },
    "Location": {
        "description": "The path of what was registered, created or started.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "How many requests of the key remain (`r`), and for how many seconds (`t`).",
        "schema": {"type": "string", "examples": ['"key";r=1873;t=4']},
    },
    "RateLimitPolicy": {
        "description": "How many requests (`q`) the key may make in a window of `w` seconds.",
        "schema": {"type": "string", "examples": ['"key";q=2000;w=10']},
    },
    "RetryAfter": {
        "description": "After how many seconds the request may be sent again.",
        "schema": {"type": "integer", "minimum": 0},
    },
}
"""The headers of answers."""

_COME_AGAIN = (Conflict, TooManyRequests, Unavailable)

_PATH_PARAMETERS = {
    "/commands/{id}": "The id of the command.",
    "/contexts/{key}": "The key of the entry.",
    "/contexts/{name}": "The name of the context.",
    "/dead-letters/{id}": "The id of the dead letter.",
    "/event-types/{type}": "The event type.",
    "/events/{id}": "The id of the event.",
    "/publishers/{id}": "The service that publishes.",
    "/publishers/{key_id}": "The id of the key.",
    "/read-models/{category}": "The category of the streams.",
    "/reducers/{category}": "The category of the streams.",
    "/replays/{id}": "The id of the replay.",
    "/schemas/{type}": "The event type.",
    "/schemas/{version}": "The number of the version. A read also takes `latest`.",
    "/states/{category}": "The category of the streams.",
    "/subscribers/{id}": "The service that receives.",
    "/subscribers/{key_id}": "The id of the key.",
    "/subscriptions/{id}": "The id of the subscription.",
}
"""The meaning of the parameters of paths, by the first segment of the path."""

_IDEMPOTENCY_KEY = Header(
    "Idempotency-Key",
    "A random string in quotes. The bus carries out a request with this key once. For 24 hours it "
    "gives the same answer when the request is repeated.",
    {"type": "string", "minLength": 1, "maxLength": 512},
)


def describe(url: str = NOWHERE) -> dict[str, Any]:
    """Returns the OpenAPI 3.1 document of the API.

    Args:
        url: Where the API is.
    """
    models = [*_models(), ProblemDocument, DeliveredEvent, *bus_events.PAYLOADS]
    schema_of, schemas = schemas_of(dict.fromkeys(models))
    schemas |= bus_events.event_schemas(schemas, schema_of)
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    describe_requests(schemas)
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        described = _operation(operation, schema_of)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Event Bus Service",
            "version": VERSION,
            "description": "Publish events, subscribe to them, read them back, and replay them. "
            "Times in answers are RFC 3339, in UTC, with milliseconds.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "security": [{"apiKey": []}, {"bearer": []}],
        "tags": [{"name": name, "description": said} for name, said in TAGS.items()],
        "paths": paths,
        "webhooks": {**WEBHOOKS, **bus_events.webhooks(WEBHOOKS["event"]["post"])},
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": {kind.__name__: _problem(kind) for kind in _PROBLEMS},
            "headers": _HEADERS,
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _models() -> Iterator[Model]:
    for operation in OPERATIONS:
        if operation.body is not None:
            yield operation.body
        for content in operation.answers.values():
            yield from _by_media_type(content).values()


def _by_media_type(content: Content) -> Mapping[str, Model]:
    if content is None:
        return {}
    return content if isinstance(content, Mapping) else {"application/json": content}


def _operation(operation: Operation, schema_of: Mapping[Model, Schema]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": {
            str(status): _answer(operation, status, schema_of) for status in operation.answers
        },
    }
    headers = [*operation.headers, *([_IDEMPOTENCY_KEY] if operation.creates else [])]
    parameters = [
        *map(_query_parameter, operation.query),
        *([_MEMBERS] if operation.members else ()),
        *map(_header, headers),
        *(_path_parameter(operation.path, name) for name in operation.path_parameters),
    ]
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": {"schema": schema_of[operation.body]}},
        }
    if operation.public:
        described["security"] = []
    else:
        described["x-scope"] = operation.scope
        described["x-admin"] = operation.admin
    for kind in _refusals(operation):
        response = {"$ref": f"#/components/responses/{kind.__name__}"}
        described["responses"][str(kind.status)] = response
    return described


_MEMBERS = {
    "name": "members",
    "in": "query",
    "description": "Values of members by their names, such as `status=open`.",
    "style": "form",
    "explode": True,
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
}
"""Any query parameters that an operation does not declare."""


def _path_parameter(path: str, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "description": _PATH_PARAMETERS[f"/{path.split('/')[1]}/{{{name}}}"],
        "required": True,
        "schema": {"type": "string"},
    }


def _query_parameter(parameter: Parameter[Any]) -> dict[str, Any]:
    required = {"required": True} if parameter.required else {}
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        **required,
        "schema": parameter.schema,
    }


def _header(header: Header) -> dict[str, Any]:
    return {
        "name": header.name,
        "in": "header",
        "description": header.description,
        "schema": header.schema,
    }


def _refusals(operation: Operation) -> list[type[Problem]]:
    # Every operation refuses query parameters that it does not know.
    kinds: set[type[Problem]] = {MalformedRequest, *operation.errors}
    if not operation.public:
        kinds |= {Unauthenticated, Forbidden, TooManyRequests, Unavailable}
    # An operation that takes no body refuses one.
    if operation.changes:
        kinds |= {TooLarge, UnsupportedMediaType, InvalidRequest}
    if operation.creates:
        kinds |= {Conflict, InvalidRequest}
    return sorted(
        (kind for kind in kinds if kind.status not in operation.answers),
        key=lambda kind: kind.status,
    )


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{_component(name)}"} for name in names}


def _component(header: str) -> str:
    return header.replace("-", "")


def _problem(kind: type[Problem]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": _PROBLEMS[kind],
        "content": {"application/problem+json": {"schema": ref("Problem")}},
    }
    if kind in _COME_AGAIN:
        described["headers"] = _headers("Retry-After")
    return described


def _answer(operation: Operation, status: int, schema_of: Mapping[Model, Schema]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": _ANSWERS[status]}
    located = ["Location"] if status in operation.located else []
    repeated = ["Idempotent-Replayed"] if operation.creates else []
    counted = [] if operation.public else ["RateLimit", "RateLimit-Policy"]
    if names := [*located, *repeated, *counted]:
        described["headers"] = _headers(*names)
    if by_media_type := _by_media_type(operation.answers[status]):
        described["content"] = {
            media_type: {"schema": schema_of[model]} for media_type, model in by_media_type.items()
        }
    return described


def main() -> None:
    """Writes the document to the file from which it is served."""
    document = orjson.dumps(describe(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    DOCUMENT.write_bytes(document)


if __name__ == "__main__":
    main()
