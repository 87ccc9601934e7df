"""No parameter and no cursor makes a request fail, whatever a client sends."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.api.operation import Operation
from event_bus.api.operations.registry import OPERATIONS
from event_bus.api.parameters import CURSOR
from event_bus.paging import AskedList, name_position, write_cursor
from event_bus.stores.read_models import ReadModelStore

from tests.builders import AN_ADMIN, publisher, service
from tests.handlers import Functions
from tests.requests import PATH_PARAMETERS, http_request

PLANNER = service("planner")

# The stream of an inbox is answered with text, and Prometheus metrics need metrics.
ASKED = [
    each for each in OPERATIONS if not each.public and each.function not in ("metrics", "status")
]
PARAMETRISED = [each for each in ASKED if "stream" not in each.path.split("/")]
LISTS = [
    each
    for each in ASKED
    if any(
        (parameter.name, parameter.description) == (CURSOR.name, CURSOR.description)
        for parameter in each.query
    )
]

REQUIRED = {"stream_id": "task/1", "types": "task.*"}

# A character of four bytes: keys of DynamoDB are bounded in bytes.
WIDE = "\U0001f4ec"
TEXTS = [
    "\x00",
    "a\nb",
    "a\tb",
    " ",
    "a#b/c",
    "..",
    "9" * 20,
    "-1",
    "null",
    "0001-01-01T00:00:00Z",
    WIDE * 128,
    WIDE * 256,
    WIDE * 500,
    f"task/{WIDE * 495}",
]

POSITIONS = [
    "0",
    "-1",
    "1_0",
    "1e400",
    "9" * 15,
    "9" * 250,
    "#",
    "__",
    "A",
    "AAAA",
    "sub_1#evt_1",
    "planner#task",
    "2026-05-01T12:00:00.000Z#evt_1",
    "2026-99-99T99:99:99.999Z#evt_1",
    "9999-12-31T23:59:59.999Z#x",
    name_position("\n"),
    name_position("\x00"),
    name_position(WIDE * 60),
]


@pytest.fixture(autouse=True)
def filled(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bus that holds something of each kind which the paths name."""
    monkeypatch.setattr(times, "sleep", lambda _: None)
    functions.aws.add_publishers(publisher("planner", "task.*"))
    events = [
        {"id": f"evt_{place}", "type": "task.created", "payload": {"status": "open"}}
        for place in (1, 2)
    ]
    appended = {"stream_id": "task/1", "events": events}
    functions.request("publish", "POST /streams/events", PLANNER, appended)
    made: dict[str, dict[str, Any]] = {
        "PUT /reducers/{category}": {"type": "merge"},
        "PUT /read-models/{category}": {"indexes": ["status"]},
        "PUT /contexts/{name}/{key}": {"value": 1},
        "POST /schemas/{type}/versions": {"schema": {"type": "object"}},
    }
    for route, body in made.items():
        answer = functions.request("registry", route, PLANNER, body, parameters=PATH_PARAMETERS)
        assert answer.status == 201, answer.body
    models = ReadModelStore(functions.aws.table("states"), functions.aws.table("changes"))
    model = models.get("planner", "task")
    assert model
    models.put(model, replace(model, serving=model.building, building=None))


def ask(
    functions: Functions,
    operation: Operation,
    caller: Caller,
    query: dict[str, str],
    **path: str,
) -> int:
    answer = functions.request(
        operation.function,
        operation.key,
        caller,
        {} if operation.body else None,
        query=query,
        parameters={name: {**PATH_PARAMETERS, **path}[name] for name in operation.path_parameters},
    )
    return answer.status


def queries(operation: Operation) -> Iterator[dict[str, str]]:
    """The query with what is required, and with each parameter that says whose list it is."""
    names = {each.name for each in operation.query}
    required = {each.name: REQUIRED[each.name] for each in operation.query if each.required}
    yield required
    for name in names & {"source", "service_id"}:
        yield {**required, name: "planner"}


@pytest.mark.parametrize("operation", PARAMETRISED, ids=lambda each: each.key)
def test_no_text_makes_a_request_fail(functions: Functions, operation: Operation) -> None:
    for caller in (PLANNER, AN_ADMIN):
        for query in queries(operation):
            for text in TEXTS:
                sent = [{**query, each.name: text} for each in operation.query]
                if operation.members:
                    sent.append({**query, "status": text})
                for each in sent:
                    assert ask(functions, operation, caller, each) < 500, each
            for name in operation.path_parameters:
                for text in ["", *TEXTS]:
                    assert ask(functions, operation, caller, query, **{name: text}) < 500, text


@pytest.mark.parametrize("operation", PARAMETRISED, ids=lambda each: each.key)
def test_no_parameter_is_taken_twice(functions: Functions, operation: Operation) -> None:
    # API Gateway passes one text with a comma, which might be a value of its own.
    for each in operation.query:
        name = each.name
        sent = {"query": {name: "1,2"}, "raw_query": f"a&{name}=1&%{ord(name[0]):x}{name[1:]}=2"}
        where = {path: PATH_PARAMETERS[path] for path in operation.path_parameters}
        body: Any = {} if operation.body else None
        answer = functions.request(
            operation.function, operation.key, AN_ADMIN, body, parameters=where, **sent
        )
        assert answer.status == 400, answer.body
        assert {"pointer": name, "detail": "must be sent only once"} in answer.body["errors"]


def test_the_types_of_a_stream_may_be_sent_one_by_one(functions: Functions) -> None:
    query = {"types": "task.a,task.b", "wait": "0"}
    raw = "types=task.a&wait=0&types=task.b"
    request = http_request("GET /stream", caller=PLANNER, query=query, raw_query=raw)
    assert functions.invoke("inbox", request)["statusCode"] == 200


def selections(operation: Operation) -> Iterator[dict[str, str]]:
    """Queries that are answered from different indexes."""
    names = {each.name for each in operation.query}
    for query in queries(operation):
        yield query
        for name, value in (
            ("direction", "backward"),
            ("order", "asc"),
            ("type", "task.created"),
            ("correlation_id", "c"),
            ("processed", "false"),
            ("category", "task"),
            ("prefix", "t"),
            ("subscription_id", "sub_1"),
            ("event_type", "task.created"),
            ("from", "2026-01-01T00:00:00Z"),
            ("actor", "planner"),
        ):
            if name in names:
                yield {**query, name: value}
        if operation.members:
            yield {**query, "status": "open"}


@pytest.mark.parametrize("operation", LISTS, ids=lambda each: each.key)
def test_a_forged_cursor_makes_no_list_fail(functions: Functions, operation: Operation) -> None:
    for caller in (PLANNER, AN_ADMIN):
        for query in selections(operation):
            for position in POSITIONS:
                asked = AskedList("/things", query, caller)
                sent = {**query, "cursor": write_cursor(position, asked)}
                assert ask(functions, operation, caller, sent) in (200, 400, 403, 404, 503), sent


@pytest.mark.parametrize("operation", LISTS, ids=lambda each: each.key)
def test_no_list_takes_the_cursor_of_another_one(
    functions: Functions, operation: Operation
) -> None:
    listed = [
        each for each in queries(operation) if ask(functions, operation, AN_ADMIN, each) < 300
    ]
    assert listed
    for query in listed:
        cursor = write_cursor("1", AskedList("/others", query, AN_ADMIN))
        assert ask(functions, operation, AN_ADMIN, {**query, "cursor": cursor}) == 400


def test_a_context_is_listed_beyond_keys_of_any_characters(functions: Functions) -> None:
    keys = sorted(["k", "a b", "x@y", WIDE * 128, "é#1"], key=str.encode)
    for key in keys:
        where = {"name": "customers", "key": key}
        functions.request(
            "registry", "PUT /contexts/{name}/{key}", PLANNER, {"value": 1}, parameters=where
        )
    found, query = [], {"limit": "1"}
    while True:
        page = functions.request(
            "registry", "GET /contexts/{name}", PLANNER, parameters=PATH_PARAMETERS, query=query
        )
        assert page.status == 200, page.body
        found += [each["key"] for each in page.body["items"]]
        if page.body["next_cursor"] is None:
            break
        query["cursor"] = page.body["next_cursor"]
    assert found == keys


def test_the_state_of_the_longest_stream_id_is_read(functions: Functions) -> None:
    event = {"id": "evt_9", "type": "task.created", "payload": {"n": 1}}
    body = {"stream_id": WIDE * 256, "events": [event]}
    assert functions.request("publish", "POST /streams/events", PLANNER, body).status == 202
    query = {"stream_id": WIDE * 256}
    state = functions.request("events", "GET /streams/state", PLANNER, query=query)
    assert (state.status, state.body["state"]) == (200, {"n": 1})
    query = {"category": WIDE * 256}
    listed = functions.request("events", "GET /streams", PLANNER, query=query)
    assert [each["stream_id"] for each in listed.body["items"]] == [WIDE * 256]
