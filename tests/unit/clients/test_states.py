"""Catch-up, reducers and read models: what is sent, and what is made of the answers."""

import json
from typing import Any

import httpx
import pytest
from event_bus_client import (
    EventBus,
    Generation,
    ModelState,
    ReadModel,
    Reducer,
    StreamState,
    states,
)
from pydantic import BaseModel

from tests.unit.clients.described import OPENAPI, Described


@pytest.fixture
def bus() -> Described:
    return Described()


@pytest.fixture
def client(bus: Described) -> EventBus:
    return EventBus("https://bus.example", "ebk_1", transport=httpx.MockTransport(bus))


def sent(bus: Described) -> tuple[str, dict[str, str], Any]:
    request = bus.requests[-1]
    body = json.loads(request.content) if request.content else None
    return f"{request.method} {request.url.path}", dict(request.url.params), body


def test_a_reducer_is_kept(bus: Described, client: EventBus) -> None:
    reducers = client.reducers
    assert isinstance(reducers.put("order", expression="state", source="shop"), Reducer)
    jsonata = {"type": "jsonata", "expression": "state"}
    assert sent(bus) == ("PUT /reducers/order", {"source": "shop"}, jsonata)
    reducers.put("order")
    assert sent(bus) == ("PUT /reducers/order", {}, {"type": "merge"})
    reducers.put("order", function="arn:f:1", role_arn="arn:r")
    called = {"type": "lambda", "function": "arn:f:1", "role_arn": "arn:r"}
    assert sent(bus)[2] == called
    assert reducers.get("order").category == "x"
    assert [each.version for each in reducers.list(source="shop")] == [1]
    assert [each.version for each in reducers.versions("order", limit=5)] == [1]
    assert sent(bus) == ("GET /reducers/order/versions", {"limit": "5"}, None)
    reducers.delete("order", source="shop")
    assert sent(bus) == ("DELETE /reducers/order", {"source": "shop"}, None)


@pytest.mark.parametrize("wrong", [{"role_arn": "r"}, {"expression": "e", "function": "f"}])
def test_a_reducer_of_two_kinds_is_refused(client: EventBus, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"function"):
        client.reducers.put("order", **wrong)


def test_a_read_model_is_kept(bus: Described, client: EventBus) -> None:
    models = client.read_models
    assert isinstance(models.put("order", ["status"], source="shop"), ReadModel)
    assert sent(bus) == ("PUT /read-models/order", {"source": "shop"}, {"indexes": ["status"]})
    assert models.get("order").lag_seconds == 1.0
    assert [each.category for each in models.list()] == ["x"]
    assert models.rebuild("order", source="shop").building is not None
    assert sent(bus) == ("POST /read-models/order/rebuild", {"source": "shop"}, None)
    assert bus.requests[-1].headers["idempotency-key"]
    [found] = models.states("order", {"status": "open", "paid": True}, limit=7)
    assert isinstance(found, ModelState)
    assert sent(bus) == (
        "GET /states/order",
        {"status": "open", "paid": "true", "limit": "7"},
        None,
    )
    models.delete("order")
    assert sent(bus) == ("DELETE /read-models/order", {}, None)


def test_a_state_is_read(bus: Described, client: EventBus) -> None:
    assert isinstance(client.streams.state("order/1", at_version=3), StreamState)
    assert sent(bus) == ("GET /streams/state", {"stream_id": "order/1", "at_version": "3"}, None)


def test_streams_are_followed(bus: Described, client: EventBus) -> None:
    follow = client.subscriptions
    follow.follow_stream("order/1", source="shop", from_version=4, target={"type": "pull"})
    assert sent(bus)[::2] == (
        "POST /subscriptions",
        {
            "event_types": ["*"],
            "target": {"type": "pull"},
            "stream": {"source": "shop", "id": "order/1", "from_version": 4},
        },
    )
    follow.follow_stream("order/1", source="shop", event_types=["order.*"])
    assert sent(bus)[2] == {
        "event_types": ["order.*"],
        "stream": {"source": "shop", "id": "order/1"},
    }
    follow.follow_category(
        "order", source="shop", from_beginning=True, subscription_id="billing.orders"
    )
    assert sent(bus)[::2] == (
        "PUT /subscriptions/billing.orders",
        {
            "event_types": ["*"],
            "stream": {"source": "shop", "category": "order", "from_version": 1},
        },
    )
    follow.follow_category("order", source="shop")
    assert sent(bus)[2]["stream"] == {"source": "shop", "category": "order"}


@pytest.mark.parametrize("model", [Generation, ModelState, ReadModel, Reducer, StreamState])
def test_models_are_those_of_the_api(model: type[BaseModel]) -> None:
    described = OPENAPI["components"]["schemas"][model.__name__]
    assert states.__name__ == model.__module__
    for name, field in model.model_fields.items():
        assert name in described["properties"], name
        if field.is_required():
            assert name in described["required"], name
