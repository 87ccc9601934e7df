"""Numbers that are no doubles reach readers of states and replies as they were sent."""

import pytest
from event_bus.access.callers import Caller

from tests.builders import publisher, service
from tests.handlers import Functions
from tests.requests import http_request

PLANNER, GENERATOR = service("planner"), service("generator")
NUMBERS = ["123456789012345678901234567890", "0.1234567890123456789012345", "1e-399"]


def ask(
    functions: Functions, name: str, route: str, caller: Caller, body: str | None = None
) -> str:
    """What a function answers, as text: a reader of JSON could round what it shows."""
    where = {"id": "planner:1", "category": "task"}
    query = {"stream_id": "task/1"} if route.startswith("GET /streams") else None
    event = http_request(route, caller=caller, body=body, parameters=where, query=query)
    answer = functions.invoke(name, event)
    assert answer["statusCode"] < 300, answer
    return str(answer["body"])


@pytest.fixture(autouse=True)
def registered(functions: Functions) -> None:
    functions.aws.add_publishers(publisher("planner", "task.*", "command.*"))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_state_holds_numbers_as_they_were_sent(functions: Functions, number: str) -> None:
    event = f'{{"type": "task.made", "payload": {{"n": {number}}}}}'
    body = f'{{"stream_id": "task/1", "events": [{event}]}}'
    ask(functions, "publish", "POST /streams/events", PLANNER, body)
    assert f'"state":{{"n":{number}}}' in ask(functions, "events", "GET /streams/state", PLANNER)
    assert f'"payload":{{"n":{number}}}' in ask(functions, "events", "GET /streams/events", PLANNER)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_reply_holds_numbers_as_they_were_sent(functions: Functions, number: str) -> None:
    handler = (
        '{"event_types": ["command.make"], "callback_url": "https://generator.example/commands", '
        '"handles": true}'
    )
    ask(functions, "registry", "POST /subscriptions", GENERATOR, handler)
    command = '{"id": "planner:1", "type": "command.make", "payload": {}}'
    ask(functions, "inbox", "POST /commands", PLANNER, command)
    reply = f'{{"error": {{"title": "Too dear", "price": {number}}}}}'
    ask(functions, "inbox", "POST /events/{id}/reply", GENERATOR, reply)
    shown = ask(functions, "inbox", "GET /commands/{id}", PLANNER)
    # In the error of the command, in its last reply and in the list of its replies.
    assert shown.count(f'"price":{number}') == 3, shown


def register(functions: Functions, body: str) -> str:
    """The status and the body of the answer to a registration of a schema."""
    parameters = {"type": "task.made"}
    event = http_request(
        "POST /schemas/{type}/versions", caller=PLANNER, body=body, parameters=parameters
    )
    answer = functions.invoke("registry", event)
    return f"{answer['statusCode']} {answer['body']}"


@pytest.mark.parametrize("number", NUMBERS)
def test_an_example_holds_numbers_as_they_were_sent(functions: Functions, number: str) -> None:
    body = f'{{"schema": true, "example": {{"n": {number}}}}}'
    assert register(functions, body).startswith("201 ")
    # The same registration again is the same version.
    assert register(functions, body).startswith("200 ")
    parameters = {"type": "task.made", "version": "1"}
    event = http_request(
        "GET /schemas/{type}/versions/{version}", caller=PLANNER, parameters=parameters
    )
    assert f'"n":{number}' in functions.invoke("registry", event)["body"]


def test_numbers_of_an_upcast_are_not_rounded(functions: Functions) -> None:
    # As a double, 2^65 + 1 is 2^65.
    schema = '{"properties": {"n": {"maximum": 3.6893488147419103e+19}}}'
    first = f'{{"schema": {schema}, "example": {{"n": 1}}}}'
    assert register(functions, first).startswith("201 ")
    made = '{\\"n\\": 36893488147419103233}'
    refused = register(functions, f'{{"schema": {schema}, "upcast": "{made}", "example": {{}}}}')
    assert refused.startswith("422 "), refused
    assert '"pointer":"/upcast"' in refused
