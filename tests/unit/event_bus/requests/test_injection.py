"""What could break a line, a header or a terminal, or turn the reading direction, in every string.

The samples name every member that a request may have; a member that is missing here is found out.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from event_bus.errors import InvalidRequest, pointer
from event_bus.inbox.messages import ClientMessage
from event_bus.requests.validation import read
from pydantic import BaseModel

from tests.aws import TARGETS as AWS
from tests.request_models import REQUESTS

HOSTILE = {
    "carriage return": "\r",
    "line feed": "\n",
    "header": "\r\nx-injected: 1",
    "null": "\x00",
    "escape": "\x1b[31m",
    "delete": "\x7f",
    "c1": "\x9b31m",
    "line separator": "\u2028",
    "bidi override": "\u202e",
    "bidi isolate": "\u2066",
}

ARN = "arn:aws:{}:us-east-1:000000000000:{}"
CALLBACK = {"type": "http", "url": "https://worker.example/events"}
AUTHENTICATION = {
    "api_key": {"type": "api_key", "api_key": "a-key-that-was-chosen"},
    "mtls": {"type": "mtls", "subject": "CN=worker"},
    "iam": {"type": "iam", "principal": "arn:aws:iam::000000000000:role/worker"},
}
TARGETS = {
    "http": CALLBACK,
    "sqs": {
        "type": "sqs",
        "queue": ARN.format("sqs", "orders"),
        "role_arn": "arn:aws:iam::000000000000:role/event-bus-x",
    },
    "sns": {"type": "sns", "topic": ARN.format("sns", "orders")},
    "lambda": {
        "type": "lambda",
        "function": ARN.format("lambda", "function:bill"),
        "invocation": "sync",
    },
    "eventbridge": {"type": "eventbridge", "event_bus": ARN.format("events", "event-bus/x")},
    "stepfunctions": {
        "type": "stepfunctions",
        "state_machine": ARN.format("states", "stateMachine:bill"),
    },
    "pull": {"type": "pull"},
}
TIME = "2026-05-01T12:00:00Z"
PUBLISHER = {
    "name": "A name",
    "event_types": ["task.*"],
    "sensitive": {"task.created": ["/email"]},
    "sensitive_readers": ["billing"],
    "restricted": {"task.closed": ["billing"]},
    "stream_categories": ["task"],
    "kept_stream_categories": ["task"],
}
SUBSCRIPTION = {
    "name": "A name",
    "event_types": ["task.*"],
    "filters": {"task.*": {"status": ["open"]}},
    "delivery_guarantee": "at_least_once",
    "retry_policy": {"client_errors": "retry"},
    "enrichment": {
        "region": {"type": "static", "value": "free"},
        "customer": {"type": "lookup", "context": "customers", "key": "$.payload.id"},
        "score": {
            "type": "lambda",
            "function": ARN.format("lambda", "function:score"),
            "key": "$.payload.id",
            "role_arn": "arn:aws:iam::000000000000:role/event-bus-x",
        },
        "price": {
            "type": "http",
            "url": "https://prices.example/{sku}",
            "variables": {"sku": "$.payload.sku"},
            "timeout": 1,
            "retries": 1,
            "fallback": "skip",
            "cache_seconds": 1,
        },
    },
    "transform": {
        "format": "cloudevents",
        "mode": "structured",
        "expression": "$",
        "template": {"input_template": "a text", "input_paths_map": {"total": "$.payload.total"}},
        "headers": {"x-tenant": "acme"},
        "attributes": {"tenant": "acme"},
    },
}

_EVENTS: list[dict[str, Any]] = [
    {
        "id": "order-1",
        "type": "task.created",
        "source": "planner",
        "timestamp": TIME,
        "payload": {"text": "free"},
        "metadata": {
            "correlation_id": "c",
            "trace_id": "t",
            "version": "1",
            "reply_to": "task.done",
            "causation_id": "order-0",
            "deduplication_key": "d",
            "stream_id": "order/1",
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "tracestate": "vendor=1",
            "other": "free",
        },
        "sensitive": ["/text"],
        "stream": {"id": "order/1", "expected_version": "exists"},
    },
    {"type": "task.created", "content_type": "image/png", "payload_base64": "aGk="},
]

SAMPLES: dict[str, list[dict[str, Any]]] = {
    "EventSubmission": _EVENTS,
    "CommandSubmission": [{**each, "type": "command.act"} for each in _EVENTS],
    "ReplyRequest": [
        {"payload": {"text": "free"}},
        {"error": {"type": "about:blank", "title": "A title", "detail": "free"}},
    ],
    "ReducerRegistration": [
        {"type": "merge"},
        {"type": "jsonata", "expression": "state"},
        {
            "type": "lambda",
            "function": ARN.format("lambda", "function:fold:1"),
            "role_arn": "arn:aws:iam::000000000000:role/event-bus-x",
        },
    ],
    "ReadModelRegistration": [{"indexes": ["status"]}],
    "PublisherChange": [PUBLISHER],
    "PublisherRegistration": [
        {"service_id": "planner", **PUBLISHER, "authentication": each}
        for each in AUTHENTICATION.values()
    ],
    "SubscriberRequest": [{"event_types": ["task.*", "role.made"]}],
    "KeyRequest": [
        {"name": "A name", "scopes": ["read"], "expires_at": TIME, "authentication": each}
        for each in AUTHENTICATION.values()
    ],
    "RotationRequest": [{}],
    "StreamAppend": [
        {
            "stream_id": "order/1",
            "source": "planner",
            "expected_version": "exists",
            "events": _EVENTS,
        }
    ],
    "StreamChange": [{"truncate_before": 1}],
    "SubscriptionRegistration": [
        {"service_id": "worker", "replay_from": TIME, **SUBSCRIPTION, "target": each}
        for each in TARGETS.values()
    ]
    + [{**SUBSCRIPTION, "callback_url": CALLBACK["url"]}]
    + [
        {**SUBSCRIPTION, "target": CALLBACK, "stream": {"source": "planner", **each}}
        for each in ({"id": "order/1"}, {"category": "order"})
    ]
    + [
        {**SUBSCRIPTION, "target": CALLBACK, "authentication": each}
        for each in AUTHENTICATION.values()
    ],
    "SubscriptionChange": [
        *(
            {**SUBSCRIPTION, "status": "active", "resume_from": "backlog", "target": each}
            for each in TARGETS.values()
        ),
        {**SUBSCRIPTION, "callback_url": CALLBACK["url"]},
    ],
    "ContextEntryRequest": [{"value": {"text": "free"}, "expected_version": 1}],
    "SchemaRegistration": [
        {"schema": {"title": "free"}, "example": {"text": "free"}, "upcast": "free"}
    ],
    "SchemaSettingsChange": [
        {"compatibility": "full", "validation": "warn", "description": "Some text"}
    ],
    "SubscriptionTest": [
        {"event_id": "order-1", "enrichment": {"region": "free"}},
        *({"event": each} for each in _EVENTS),
    ],
    "FilterTest": [
        {
            "event_id": "order-1",
            "event_types": ["task.*"],
            "filters": {"task.*": {"status": ["open"]}},
            "transform": SUBSCRIPTION["transform"],
            "enrichment": {"region": "free"},
        },
        *({"event": each} for each in _EVENTS),
    ],
    "EventReplayRequest": [{"subscription_id": "sub_1"}],
    "ReplayRequest": [
        {
            "from": TIME,
            "to": "2026-05-02T12:00:00Z",
            "subscription_id": "sub_1",
            "event_types": ["task.*"],
            "source": "planner",
        }
    ],
    "BulkRetryRequest": [
        {
            "event_id": "order-1",
            "subscription_id": "sub_1",
            "subscriber_id": "worker",
            "event_type": "task.*",
            "error_code": "timeout",
            "status": "exhausted",
            "from": TIME,
            "to": TIME,
            "cursor": "WyIy",
        }
    ],
    "Acknowledgement": [{"lease": "lease_1", "cursor": "7"}],
    "ClientMessage": [
        {
            "action": "subscribe",
            "ref": "free",
            "event_types": ["task.*"],
            "filters": {"task.*": {"status": ["open"]}},
        },
        {"action": "subscribe", "subscription_id": "sub_1", "cursor": "7"},
        {"action": "ack", "subscription_id": "sub_1", "cursor": "7"},
        {"action": "unsubscribe", "subscription_id": "sub_1"},
        {"action": "ping"},
    ],
}

FREE = (
    *("/payload/text", "/metadata/other", "/ref", "/filters/task.*/status/0"),
    *("/value/text", "/enrichment/region", "/enrichment/region/value"),
    *("/schema/title", "/example/text", "/upcast"),
    *("/event/payload/text", "/event/metadata/other"),
    *("/events/0/payload/text", "/events/0/metadata/other"),
    *("/expression", "/error/type", "/error/title", "/error/detail"),
    *("/transform/expression", "/transform/template/input_template"),
)
"""What may hold anything: it is stored and shown as JSON, and goes nowhere else."""

REQUESTS_AND_MESSAGES: tuple[type[BaseModel], ...] = (*REQUESTS, ClientMessage)
MODELS = {model.__name__: model for model in REQUESTS_AND_MESSAGES}


@pytest.fixture(autouse=True)
def told(tell: Callable[..., None]) -> None:
    tell(STAGE="local", **AWS)


def strings(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The places of the strings in a value."""
    inner: list[tuple[str | int, Any]] = []
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    for step, part in inner:
        yield from strings(part, (*path, step))


def changed(sample: dict[str, Any], path: tuple[str | int, ...], text: str) -> dict[str, Any]:
    """A sample with another text at a place."""
    made = copy.deepcopy(sample)
    parent: Any = made
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = text
    return made


CASES = [
    pytest.param(name, sample, path, id=f"{name}{number}{pointer(path)}")
    for name, samples in SAMPLES.items()
    for number, sample in enumerate(samples)
    for path in strings(sample)
]


@pytest.mark.parametrize(("name", "sample", "path"), CASES)
def test_a_hostile_string_is_refused_where_it_stands(
    name: str, sample: dict[str, Any], path: tuple[str | int, ...]
) -> None:
    model, where = MODELS[name], pointer(path)
    read(model, sample)
    value: Any = sample
    for step in path:
        value = value[step]
    for kind, hostile in HOSTILE.items():
        for text in (value + hostile, hostile + value, value[:1] + hostile + value[1:]):
            if where in FREE:
                read(model, changed(sample, path, text))
                continue
            with pytest.raises(InvalidRequest) as refusal:
                read(model, changed(sample, path, text))
            pointers = [fault.pointer for fault in refusal.value.faults]
            assert where in pointers, kind
            # What is refused is not said again as it stands.
            assert hostile not in str(refusal.value), kind


def test_the_samples_name_every_member() -> None:
    assert SAMPLES.keys() == MODELS.keys()
    for name, model in MODELS.items():
        shown = {step for sample in SAMPLES[name] for step in _names(sample)}
        assert _members(model) <= shown, name


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield name
            yield from _names(part)
    elif isinstance(value, list):
        for part in value:
            yield from _names(part)


def _members(model: type[BaseModel]) -> set[str]:
    """The members of a model, and of what they are made of, that hold strings."""
    schema = model.model_json_schema(by_alias=True)
    found = set()
    for part in (schema, *schema.get("$defs", {}).values()):
        for name, member in part.get("properties", {}).items():
            if _may_hold_strings(member):
                found.add(name)
    return found


def _may_hold_strings(member: Any) -> bool:
    if isinstance(member, dict):
        return member.get("type") == "string" or any(map(_may_hold_strings, member.values()))
    return isinstance(member, list) and any(map(_may_hold_strings, member))
