"""Requests about commands, of a sender, a handler and a stranger."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from event_bus import times
from event_bus.access.callers import Caller

from tests.builders import publisher, service
from tests.handlers import FunctionAnswer, Functions

ANALYST, GENERATOR, STRANGER = service("analyst"), service("generator"), service("stranger")


TYPE = "command.generate_code"


PAYLOAD = {"files": 3}


@pytest.fixture(autouse=True)
def registered(functions: Functions) -> None:
    functions.aws.add_publishers(publisher("analyst", "command.*", "price.*"))
    handle(functions, GENERATOR, TYPE)


def handle(functions: Functions, caller: Caller, *types: str, **members: Any) -> str:
    body = {
        "event_types": types,
        "handles": True,
        "callback_url": "https://generator.example/commands",
        **members,
    }
    made = functions.request("registry", "POST /subscriptions", caller, body)
    assert made.status == 201, made.body
    return str(made.body["id"])


def send(functions: Functions, caller: Caller = ANALYST, **members: Any) -> FunctionAnswer:
    query = members.pop("query", {})
    body = {"id": "analyst:1", "type": TYPE, "payload": {}, **members}
    return functions.request("inbox", "POST /commands", caller, body, query=query)


def read(
    functions: Functions, caller: Caller = ANALYST, command: str = "analyst:1"
) -> FunctionAnswer:
    return functions.request("inbox", "GET /commands/{id}", caller, parameters={"id": command})


def reply(functions: Functions, caller: Caller = GENERATOR, **body: Any) -> FunctionAnswer:
    command = body.pop("command", "analyst:1")
    return functions.request(
        "inbox",
        "POST /events/{id}/reply",
        caller,
        body or {"payload": PAYLOAD},
        parameters={"id": command},
    )


def cancel(functions: Functions, caller: Caller = ANALYST) -> FunctionAnswer:
    path = "POST /commands/{id}/cancel"
    return functions.request("inbox", path, caller, parameters={"id": "analyst:1"})


def route(functions: Functions, *event_ids: str) -> None:
    functions.invoke("route", functions.stored(*event_ids))


def use_clock(
    monkeypatch: pytest.MonkeyPatch,
    sleep: Callable[[float], None],
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    clock = SimpleNamespace(time=time.time, monotonic=monotonic, sleep=sleep)
    monkeypatch.setattr(times, "time", clock)
