"""Events arrive with the enrichment of their subscription, on the deployed bus."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from tests.end_to_end.aws_resources import made_function
from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World
from tests.http_server import HttpAnswer, HttpRequest, serving

SCORE = """
def handler(event, context):
    return {"score": event["payload"]["total"] * 2, "of": event["id"]}
"""
CUSTOMER = {"type": "lookup", "context": "customers", "key": "$.payload.customer"}
ONCE = {"max_attempts": 1}


@dataclass
class Prices:
    """A server that answers with the price of an article, while it is open.

    Attributes:
        status: The status of its answers.
        seconds: How long it takes to answer.
    """

    status: int = 200
    seconds: float = 0.0
    asked: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def prices() -> Iterator[Prices]:
    made = Prices()

    def answer(asked: HttpRequest) -> HttpAnswer:
        made.asked.append(asked.path)
        time.sleep(made.seconds)
        return HttpAnswer(made.status, orjson.dumps({"cents": 199}))

    with serving(answer) as url:
        made.url = f"{url}/articles/{{sku}}"
        yield made


@pytest.fixture
def shop(world: World, placed: str) -> Iterator[Client]:
    made = world.publisher(placed)
    yield made
    for each in made.bus.subscriptions.list():
        made.bus.subscriptions.delete(each["id"])


def keep(shop: Client, key: str, value: Any) -> None:
    shop.bus.contexts.put("customers", key, value)


def test_every_source_adds_its_part(
    world: World, shop: Client, placed: str, prices: Prices
) -> None:
    keep(shop, "42", {"tier": "gold"})
    function, receiver = made_function(world, SCORE), world.receiver()
    price = {"type": "http", "url": prices.url, "variables": {"sku": "$.payload.sku"}}
    enrichment = {
        "region": {"type": "static", "value": "eu"},
        "customer": CUSTOMER,
        "score": {"type": "lambda", "function": function},
        "price": price,
    }
    to = shop.subscribe(receiver, placed, enrichment=enrichment)
    assert to["enrichment"]["score"]["function"] == function
    payload = {"total": 250, "customer": 42, "sku": "a b"}
    event_id = shop.publish(placed, payload)
    request = receiver.wait_for_event(event_id)
    request.verify(to["signing_secret"])
    assert request.event["payload"] == payload
    assert request.event["enrichment"] == {
        "region": "eu",
        "customer": {"tier": "gold"},
        "score": {"score": 500, "of": event_id},
        "price": {"cents": 199},
    }
    assert prices.asked == ["/articles/a%20b"]
    shop.settled(event_id, to["id"], "delivered")
    # A replay asks the sources again.
    keep(shop, "42", {"tier": "silver"})
    shop.replayed(event_id)
    [_, again] = receiver.wait_for(2)
    assert again.event["enrichment"]["customer"] == {"tier": "silver"}


def test_a_source_that_gives_nothing_fails_the_attempt_or_is_skipped(
    world: World, shop: Client, placed: str, prices: Prices
) -> None:
    prices.status = 500
    failing, skipping = world.receiver(), world.receiver()
    price = {"type": "http", "url": prices.url, "variables": {"sku": "$.payload.sku"}}
    failed = shop.subscribe(failing, placed, enrichment={"customer": CUSTOMER}, retry_policy=ONCE)
    shop.subscribe(
        skipping,
        placed,
        enrichment={"price": {**price, "fallback": "skip"}},
        transform={"expression": "$merge([$, {'price': $event.enrichment.price, 'is': 1}])"},
    )
    event_id = shop.publish(placed, {"customer": "none", "sku": "x"})
    assert skipping.wait_for(1)[0].event == {"customer": "none", "sku": "x", "is": 1}
    assert len(prices.asked) == 2
    letter = shop.dead_letter(subscription_id=failed["id"], status="exhausted")
    assert (letter["event_id"], letter["error"]["code"]) == (event_id, "enrichment_failed")
    assert letter["error"]["message"].startswith("customer: ")
    assert failing.requests == []
    # Once there is an entry, the dead letter is retried with it.
    keep(shop, "none", {"tier": "new"})
    shop.bus.dead_letters.retry(letter["id"])
    assert failing.wait_for(1)[0].event["enrichment"] == {"customer": {"tier": "new"}}


def test_events_with_slow_sources_wait_and_all_arrive(
    world: World, shop: Client, placed: str, prices: Prices
) -> None:
    # How long anything takes does not matter: the simulation measures that.
    prices.seconds = 1.5
    slow, fast = world.receiver(), world.receiver()
    price = {"type": "http", "url": prices.url, "variables": {"sku": "$.payload.sku"}}
    to = shop.subscribe(slow, placed, enrichment={"price": {**price, "timeout": 5}})
    shop.subscribe(fast, placed, enrichment={"customer": CUSTOMER})
    keep(shop, "1", {"tier": "gold"})
    ids = [shop.publish(placed, {"customer": 1, "sku": str(number)}) for number in range(30)]
    fast.wait_for(len(ids))
    assert set(fast.event_ids()) == set(ids)
    for each in ids:
        shop.settled(each, to["id"], "delivered")
    assert set(slow.event_ids()) == set(ids)
    assert all(each.event["enrichment"] == {"price": {"cents": 199}} for each in slow.requests)


def test_a_stream_is_enriched_in_its_order(world: World, shop: Client, placed: str) -> None:
    receiver = world.receiver()
    for number in range(6):
        keep(shop, str(number), {"number": number})
    shop.subscribe(
        receiver,
        placed,
        enrichment={"customer": CUSTOMER},
        ordered=True,
        delivery_guarantee="exactly_once",
    )
    ids = [
        shop.publish(placed, {"customer": number}, metadata={"stream_id": "cart/1"})
        for number in range(6)
    ]
    eventually(lambda: len(receiver.requests) >= 6)
    assert receiver.event_ids() == ids
    numbers = [each.event["enrichment"]["customer"]["number"] for each in receiver.requests]
    assert numbers == [*range(6)]


def test_an_unpermitted_source_is_refused(world: World, shop: Client, placed: str) -> None:
    def refused(enrichment: Any, **target: Any) -> str:
        asked = {"event_types": [placed], "enrichment": enrichment, "target": target}
        said = problem(shop.http.post("/subscriptions", json=asked), 422)
        return str(said["errors"][0]["pointer"])

    static = {"a": {"type": "static", "value": 1}}
    for kind in ("pull", "sse", "websocket"):
        assert refused(static, type=kind) == "/enrichment"
    url = {"type": "http", "url": world.receiver().url}
    unknown = "arn:aws:lambda:us-east-1:000000000000:function:nobody"
    assert (
        refused({"a": {"type": "lambda", "function": unknown}}, **url) == "/enrichment/a/function"
    )
    own = {"a": {"type": "lambda", "function": unknown.replace("nobody", "event-bus-local-x")}}
    assert refused(own, **url) == "/enrichment/a/function"
