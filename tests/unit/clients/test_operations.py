"""The client has a method for every operation of the API, and sends what the API documents."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import httpx
import jsonschema_rs
import orjson
import pytest
from event_bus_client import EventBus, NewEvent
from event_bus_client._sync.lists import Listing

from tests.unit.clients.described import AT, OPENAPI, answered

EVENT = NewEvent(
    type="order.placed",
    payload={"total": 250},
    id="o-1",
    source="shop",
    timestamp=AT,
    metadata={"correlation_id": "cart-7"},
    sensitive=["/total"],
)
STREAM = {"stream_id": "order/1", "source": "shop"}
PERIOD = {"since": AT, "until": AT}
KEY = {"name": "import", "scopes": ["publish"], "expires_at": AT, "rate_limit": 5}
FILTERS = {"order.placed": {"total": [{"numeric": [">", 1]}]}}

Calls = Callable[[EventBus], Any]

CALLS: dict[str, Calls] = {
    "publishEvents": lambda bus: [bus.publish("order.placed", {}), *bus.publish_batch([EVENT])],
    "listEvents": lambda bus: bus.events.list(
        type="order.*",
        source="shop",
        correlation_id="c",
        trace_id="t",
        processed=True,
        order="oldest",
        schema_version=1,
        limit=5,
        **PERIOD,
    ),
    "getEvent": lambda bus: bus.events.get("o-1", schema_version=2),
    "traceEvent": lambda bus: bus.events.trace("o-1"),
    "getTrace": lambda bus: [bus.events.flow(correlation_id="c"), bus.events.flow(trace_id="t")],
    "explainEvent": lambda bus: bus.events.explain("o-1", limit=5),
    "replayEvent": lambda bus: bus.events.replay("o-1", subscription_id="s"),
    "appendToEventStream": lambda bus: bus.streams.append(
        "order/1",
        [NewEvent(type="order.placed", payload={})],
        expected_version="none",
        source="shop",
    ),
    "readEventStream": lambda bus: bus.streams.read(
        **STREAM, from_version=1, to_version=2, backward=True, removed=True, limit=5
    ),
    "listEventStreams": lambda bus: bus.streams.list(
        source="shop", category="order", prefix="order/", limit=5
    ),
    "truncateEventStream": lambda bus: bus.streams.truncate(**STREAM, before=3),
    "deleteEventStream": lambda bus: bus.streams.delete(**STREAM),
    "getEventStream": lambda bus: bus.streams.head(**STREAM),
    "foldEventStream": lambda bus: bus.streams.state(**STREAM, at_version=3, at_time=AT),
    "putReducer": lambda bus: bus.reducers.put("order", source="shop", expression="state"),
    "getReducer": lambda bus: bus.reducers.get("order", source="shop"),
    "removeReducer": lambda bus: bus.reducers.delete("order", source="shop"),
    "listReducerVersions": lambda bus: bus.reducers.versions("order", source="shop", limit=5),
    "listReducers": lambda bus: bus.reducers.list(source="shop", limit=5),
    "putReadModel": lambda bus: bus.read_models.put("order", ["status"], source="shop"),
    "getReadModel": lambda bus: bus.read_models.get("order", source="shop"),
    "removeReadModel": lambda bus: bus.read_models.delete("order", source="shop"),
    "listReadModels": lambda bus: bus.read_models.list(source="shop", limit=5),
    "rebuildReadModel": lambda bus: bus.read_models.rebuild("order", source="shop"),
    "listStates": lambda bus: bus.read_models.states(
        "order", {"status": "open"}, source="shop", limit=5
    ),
    "sendCommand": lambda bus: bus.commands.send(
        "command.bill", {}, wait_seconds=5, require_handler=True
    ),
    "getCommand": lambda bus: bus.commands.get("c-1", wait_seconds=5),
    "cancelCommand": lambda bus: bus.commands.cancel("c-1"),
    "replyToEvent": lambda bus: [
        bus.commands.reply("c-1", {"billed": 250}),
        bus.commands.reply("c-1", error="The till is empty"),
    ],
    "startReplay": lambda bus: bus.replays.start(**PERIOD, rate=5),
    "listReplays": lambda bus: bus.replays.list(limit=5),
    "getReplay": lambda bus: bus.replays.get("r-1"),
    "cancelReplay": lambda bus: bus.replays.cancel("r-1"),
    "listDeadLetters": lambda bus: bus.dead_letters.list(
        event_id="o-1",
        subscription_id="s",
        subscriber_id="billing",
        event_type="order.*",
        error_code="http_status",
        status="exhausted",
        limit=5,
        **{"from": AT, "to": AT},
    ),
    "retryDeadLetters": lambda bus: bus.dead_letters.retry_all(event_type="order.*"),
    "getDeadLetter": lambda bus: bus.dead_letters.get("d-1"),
    "discardDeadLetter": lambda bus: bus.dead_letters.discard("d-1"),
    "retryDeadLetter": lambda bus: bus.dead_letters.retry("d-1"),
    "registerPublisher": lambda bus: bus.publishers.create(
        service_id="shop", name="Shop", event_types=["order.*"]
    ),
    "listPublishers": lambda bus: bus.publishers.list(limit=5),
    "getPublisher": lambda bus: bus.publishers.get("shop"),
    "changePublisher": lambda bus: bus.publishers.update("shop", name="The shop"),
    "removePublisher": lambda bus: bus.publishers.delete("shop"),
    "listSubscribers": lambda bus: bus.subscribers.list(limit=5),
    "getSubscriber": lambda bus: bus.subscribers.get("billing"),
    "putSubscriber": lambda bus: bus.subscribers.put("billing", ["order.*"]),
    "removeSubscriber": lambda bus: bus.subscribers.delete("billing"),
    "registerSubscription": lambda bus: bus.subscriptions.create(
        name="All", event_types=["*"], target={"type": "pull"}
    ),
    "listSubscriptions": lambda bus: bus.subscriptions.list(
        service_id="billing", event_type="order.placed", status="active", health="failing", limit=5
    ),
    "listFailingSubscriptions": lambda bus: bus.subscriptions.failing(limit=5),
    "getSubscription": lambda bus: bus.subscriptions.get("s"),
    "putSubscription": lambda bus: bus.subscriptions.put(
        "s", only_new=True, event_types=["*"], target={"type": "pull"}
    ),
    "changeSubscription": lambda bus: bus.subscriptions.update("s", status="paused"),
    "removeSubscription": lambda bus: bus.subscriptions.delete("s"),
    "rotateSigningSecret": lambda bus: bus.subscriptions.rotate_secret("s", overlap=60),
    "testSubscription": lambda bus: [
        bus.subscriptions.test("s", "o-1"),
        bus.subscriptions.test("s", EVENT, enrichment={"customer": {}}),
    ],
    "testFilters": lambda bus: bus.subscriptions.test_filters(
        EVENT,
        event_types=["order.*"],
        filters=FILTERS,
        transform={"expression": "event.payload"},
        enrichment={"customer": {}},
    ),
    "registerSchemaVersion": lambda bus: bus.schemas.register(
        "order.placed", {}, example={}, upcast="payload"
    ),
    "listSchemaVersions": lambda bus: bus.schemas.versions("order.placed", limit=5),
    "listSchemas": lambda bus: bus.schemas.list(limit=5),
    "getSchemas": lambda bus: bus.schemas.get("order.placed"),
    "changeSchemas": lambda bus: bus.schemas.update(
        "order.placed", validation="enforce", compatibility="full", description="An order"
    ),
    "getSchemaVersion": lambda bus: [
        bus.schemas.get("order.placed", 2),
        bus.schemas.get("order.placed", "latest"),
    ],
    "deleteSchemaVersion": lambda bus: bus.schemas.delete("order.placed", 2),
    "draftSchemas": lambda bus: bus.schemas.drafts("order.*"),
    "listEventTypes": lambda bus: bus.event_types.list(limit=5),
    "getEventType": lambda bus: bus.event_types.get("order.placed"),
    "describeEvents": lambda bus: bus.event_types.asyncapi(),
    "putContextEntry": lambda bus: bus.contexts.put(
        "customers", "ada", None, expected_version=0, service_id="crm"
    ),
    "getContextEntry": lambda bus: bus.contexts.get("customers", "ada", service_id="crm"),
    "deleteContextEntry": lambda bus: bus.contexts.delete("customers", "ada", service_id="crm"),
    "listContextEntries": lambda bus: bus.contexts.list("customers", service_id="crm", limit=5),
    "fetchEvents": lambda bus: bus.inbox("s").receive(until_empty=True),
    "createStreamToken": lambda bus: bus.stream_token("s"),
    "createListenerToken": lambda bus: bus.stream_token(),
    "listen": lambda bus: next(iter(bus.listen("order.*"))),
    "listAuditLog": lambda bus: bus.audit_log.list(
        action="publisher.create",
        actor="admin",
        resource="shop",
        resource_type="publisher",
        status="success",
        limit=5,
        **PERIOD,
    ),
    "getMetrics": lambda bus: bus.metrics.prometheus(),
    "getAnalytics": lambda bus: bus.metrics.counts(
        granularity="day", type="order.*", source="shop", subscriber="billing", **PERIOD
    ),
    "isLive": lambda bus: bus.health("live"),
    "isReady": lambda bus: bus.health(),
    "isBrokerHealthy": lambda bus: bus.health("broker"),
    "isDatabaseHealthy": lambda bus: bus.health("database"),
    "describe": lambda bus: bus.openapi(),
    **{
        f"{verb}{kind}Key{plural}": call
        for kind, owners in (("Publisher", "publishers"), ("Subscriber", "subscribers"))
        for verb, plural, call in (
            ("make", "", lambda bus, owners=owners: keys(bus, owners).create("shop", **KEY)),
            ("list", "s", lambda bus, owners=owners: keys(bus, owners).list("shop")),
            ("revoke", "", lambda bus, owners=owners: keys(bus, owners).revoke("shop", "k")),
            (
                "rotate",
                "",
                lambda bus, owners=owners: keys(bus, owners).rotate("shop", "k", overlap=60),
            ),
        )
    },
}

WITHOUT_A_METHOD = {
    "acknowledgeEvents": "`receive` acknowledges; test_inbox.py shows it",
    "streamEvents": "the EventSource of a browser reads it; programs receive the same inbox",
}

LEFT_OUT = {
    "cursor": "lists and inboxes send it themselves",
    "token": "browsers send it, which have no key",
    "Last-Event-ID": "an iteration sends it from its second turn on",
    "format": "a diagram is for people: `event-bus events trace` draws one",
    "members": "a place for the names of indexed members",
    ("publishEvents", "require_handler"): "`commands.send` publishes commands",
    ("listen", "wait"): "the longest wait is the default",
}


def keys(bus: EventBus, owners: str) -> Any:
    return getattr(bus, owners).keys


def operations() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """The id, method, path and description of every operation."""
    for route, methods in OPENAPI["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), route, operation


OPERATIONS = {name: (method, route, described) for name, method, route, described in operations()}


class Sent:
    """Answers as the API describes, and keeps what was sent."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        name = operation_of(request)
        if name == "publishEvents" and request.content.startswith(b"["):
            return httpx.Response(207, json={"results": [{"status": 422, "error": {}}]})
        if name == "listen":
            event = {"id": "o-1", "type": "a.b", "source": "s", "timestamp": AT, "payload": {}}
            turn = b"id: 1\ndata: " + orjson.dumps(event) + b"\n\n"
            return httpx.Response(200, content=turn, headers={"content-type": "text/event-stream"})
        if name == "fetchEvents":
            return httpx.Response(200, json={"items": [], "lease": None, "cursor": "0"})
        if name == "getMetrics":
            return httpx.Response(200, text="# HELP")
        return answered(request)


def operation_of(request: httpx.Request) -> str:
    """The operation that a request is for: the one whose path has the fewest parameters."""
    path = request.url.raw_path.partition(b"?")[0].decode()
    found = [
        (route.count("{"), name)
        for name, method, route, _ in operations()
        if method == request.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), path)
    ]
    assert found, f"{request.method} {unquote(path)} is no operation"
    return min(found)[1]


def called(name: str) -> list[httpx.Request]:
    """The requests of an operation's method."""
    sent = Sent()
    with EventBus("https://bus.example", "ebk_1", transport=httpx.MockTransport(sent)) as bus:
        answer = CALLS[name](bus)
        if isinstance(answer, (Listing, Iterator)):
            list(answer)
    return sent.requests


def test_every_operation_has_a_method() -> None:
    assert {*CALLS, *WITHOUT_A_METHOD} == {*OPERATIONS}
    assert not CALLS.keys() & WITHOUT_A_METHOD.keys()


@pytest.mark.parametrize("name", CALLS)
def test_a_method_sends_what_its_operation_takes(name: str) -> None:
    _, _, described = OPERATIONS[name]
    requests = called(name)
    assert {operation_of(each) for each in requests} == {name}
    taken = {each["name"]: each for each in described.get("parameters", [])}
    sent = [each for request in requests for each in request.url.params.multi_items()]
    headers = {each for request in requests for each in request.headers}
    for parameter, value in sent:
        if "members" not in taken or parameter in taken:
            assert value in taken[parameter]["schema"].get("enum", [value]), parameter
    named = {parameter for parameter, _ in sent} | headers
    for parameter, each in taken.items():
        if each["in"] != "path" and not {parameter, (name, parameter)} & LEFT_OUT.keys():
            assert parameter in named or parameter.lower() in named, parameter
    for body in (request.content for request in requests if request.content):
        schema = described["requestBody"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": OPENAPI["components"]}
        jsonschema_rs.validator_for(whole).validate(orjson.loads(body))


def test_each_parameter_that_is_left_out_exists() -> None:
    parameters = {
        (name, each["name"])
        for name, (_, _, described) in OPERATIONS.items()
        for each in described.get("parameters", [])
    }
    for each in LEFT_OUT:
        assert each in parameters or each in {parameter for _, parameter in parameters}, each
