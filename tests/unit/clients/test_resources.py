"""Commands, event streams and schemas: what is sent, and what is made of the answers."""

import json
import re
from pathlib import Path
from typing import Any

import event_bus_client
import httpx
import orjson
import pytest
from event_bus.api.description import DOCUMENT
from event_bus_client import (
    EventBus,
    event_type,
)
from pydantic import BaseModel

AT = "2026-05-01T12:00:00.000Z"
PATHS: dict[str, Any] = orjson.loads(DOCUMENT.read_bytes())["paths"]
_CALL = re.compile(r'Call\(\s*"([A-Z]+)",\s*(?:path\()?"([^"]+)"')
_CREATING = re.compile(r'creating\(\s*(?:path\()?"([^"]+)"')
_LISTING = re.compile(r'AsyncListing\(\s*self\._transport,\s*"([^"]+)"')


class Bus:
    """Answers in turn, and keeps what was sent."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    @property
    def client(self) -> EventBus:
        return EventBus("https://bus.example", "ebk_1", transport=httpx.MockTransport(self))

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(each.content or b"null") for each in self.requests]


@event_type("order.refunded")
class OrderRefunded(BaseModel):
    total: int


def test_a_model_is_registered_as_the_schema_of_its_type() -> None:
    bus = Bus({"version": 1}, {"validation": "enforce"})
    assert bus.client.schemas.register(OrderRefunded, validation="enforce") == {"version": 1}
    assert [each.url.path for each in bus.requests] == [
        "/schemas/order.refunded/versions",
        "/schemas/order.refunded",
    ]
    assert bus.bodies == [
        {"schema": OrderRefunded.model_json_schema()},
        {"validation": "enforce"},
    ]


def calls() -> list[tuple[str, str]]:
    """The operations that the client's sources call."""
    found: list[tuple[str, str]] = []
    for file in (Path(event_bus_client.__file__).parent / "_async").glob("*.py"):
        source = file.read_text()
        found += _CALL.findall(source)
        found += [("POST", path) for path in _CREATING.findall(source)]
        found += [("GET", path) for path in _LISTING.findall(source)]
    return sorted(set(found))


@pytest.mark.parametrize(("method", "path"), calls())
def test_what_the_client_calls_is_an_operation_of_the_api(method: str, path: str) -> None:
    form = re.compile(re.sub(r"\{\}", r"\\{\\w+\\}", path))
    templates = [template for template in PATHS if form.fullmatch(template)]
    assert any(method.lower() in PATHS[each] for each in templates), f"{method} {path}"


def test_the_calls_of_the_client_are_found() -> None:
    assert len(calls()) > 25
