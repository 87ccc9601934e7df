"""Runs the command line against a bus that answers by a table."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from event_bus_client.cli.context import State
from event_bus_client.cli.main import app, main
from typer.testing import CliRunner

AT = "2026-05-01T12:00:00.000Z"
EVENT = {
    "id": "order-1",
    "type": "order.placed",
    "source": "shop",
    "timestamp": AT,
    "created_at": AT,
    "processed": True,
    "payload": {"total": 250},
    "metadata": {},
    "deliveries": [],
}
_NAMED = ("--url", "https://bus.example", "--api-key", "ebk_1")
Answer = Callable[[httpx.Request], Any]


class ScriptedBus:
    """Answers each route with what a test says, and keeps the requests.

    An answer is a document, a response, or a function that makes one of them from the request.
    """

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.requests: list[httpx.Request] = []

    @property
    def changes(self) -> list[str]:
        """The requests that may change something."""
        return [f"{each.method} {each.url.path}" for each in self.requests if each.method != "GET"]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        name = f"{request.method} {request.url.path}"
        if name not in self.answers:
            return httpx.Response(404, json={"title": "There is no such resource", "status": 404})
        answer = self.answers[name]
        if callable(answer):
            answer = answer(request)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


def run(bus: ScriptedBus, *arguments: str, **options: Any) -> Any:
    state = State(transport=httpx.MockTransport(bus))
    return CliRunner().invoke(app, [*_NAMED, *arguments], obj=state, **options)


def exit_code(bus: ScriptedBus, *arguments: str) -> int:
    """The code with which the program would end."""
    with pytest.raises(SystemExit) as ended:
        main([*_NAMED, *arguments], State(transport=httpx.MockTransport(bus)))
    return int(ended.value.code or 0)


def body(bus: ScriptedBus) -> Any:
    """The JSON body of the last request."""
    return json.loads(bus.requests[-1].content)
