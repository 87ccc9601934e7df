"""Explanations why an event was or was not delivered, on the deployed bus."""

from typing import Any

import orjson
from event_bus_client import path

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World

TOTAL = {"expression": '{"total": total}'}
LARGE = {"total": [{"numeric": [">=", 100]}]}


def subscribe(client: Client, *event_types: str, **more: Any) -> str:
    return client.pull(*event_types, **more)


def codes(client: Client, event_id: str) -> dict[str, str | None]:
    """Returns the reason of each subscription, from several pages."""
    return {
        each["subscription_id"]: each["reason"] and each["reason"]["code"]
        for each in client.bus.listing(path("/events/{}/matches", event_id), limit=2)
    }


def test_each_subscription_has_its_reason(world: World, placed: str) -> None:
    shop = world.publisher(placed)
    all_of_it = subscribe(shop, placed)
    large = subscribe(shop, placed, filters={placed: LARGE})
    other = subscribe(shop, f"{placed}.late")
    disabled = subscribe(shop, placed)
    shop.bus.subscriptions.update(disabled, status="disabled")
    event_id = shop.publish(placed, {"total": 20})
    eventually(lambda: shop.bus.call("GET", path("/events/{}/matches", event_id))["routed"])
    later = subscribe(shop, placed)
    expected = {all_of_it: None, large: "field", other: "type", disabled: "disabled"}
    told = codes(shop, event_id)
    # Registered at once behind the event, the last one may still count as registered with it.
    assert told.pop(later) in ("later", "changed")
    assert told == expected
    everything = codes(world.admin, event_id)
    assert {name: everything[name] for name in expected} == expected
    # The routing does not change, whatever the subscription selects now.
    shop.bus.subscriptions.update(all_of_it, event_types=[f"{placed}.late"])
    shop.bus.subscriptions.update(large, filters={})
    assert codes(shop, event_id) | {all_of_it: None, large: "changed"} == codes(shop, event_id)


def test_filters_are_tested_on_an_event(world: World, placed: str) -> None:
    shop = world.publisher(placed)
    sent = {"type": placed, "payload": {"total": 20}}
    filters = {placed: LARGE}
    answer = shop.bus.subscriptions.test_filters(sent, event_types=[placed], filters=filters)
    assert answer.matched is False
    [reason] = answer.reasons
    assert reason.pointer == f"/filters/{placed}/total"
    assert reason.detail == "total is 20, and must be a number >= 100"
    stored = shop.publish(placed, {"total": 100})
    assert shop.bus.subscriptions.test_filters(stored, filters=filters).matched is True
    subscription = subscribe(shop, placed, filters={placed: LARGE})
    assert shop.bus.subscriptions.test(subscription, stored).matched is True
    tested = shop.bus.subscriptions.test(subscription, sent)
    # The answer shows what would be sent, even if the event does not match.
    assert tested.sent is not None
    assert (tested.matched, orjson.loads(tested.sent["body"])["payload"]) == (False, {"total": 20})
    shop.bus.subscriptions.update(subscription, transform=TOTAL)
    tested = shop.bus.subscriptions.test(subscription, stored)
    assert tested.sent is not None
    assert (tested.sent["body"], tested.error) == ('{"total":100}', None)


def test_common_mistakes_are_named(world: World, placed: str) -> None:
    shop = world.publisher(placed)
    sent = {"type": placed, "payload": {"total": 20}}
    misspelt = placed.replace("placed", "palced")
    asked = {"event": sent, "event_types": [misspelt]}
    answer = shop.bus.call("POST", "/filters/test", body=asked)
    assert answer["reasons"][0]["suggestion"] == f"did you mean {misspelt}?"
    assert any(f"did you mean {placed}?" in each for each in answer["suggestions"])
    for filters in ({"detail": {"total": [1]}}, {"total": [1]}):
        refused = problem(shop.http.post("/filters/test", json={**asked, "filters": filters}), 422)
        assert "write {" in refused["detail"]
    asked = {"event": sent, "filters": {placed: {"totl": [20]}}}
    [reason] = shop.bus.call("POST", "/filters/test", body=asked)["reasons"]
    assert reason["suggestion"] == "did you mean total?"


def test_a_caller_without_a_right_to_an_event_gets_no_explanation(
    world: World, placed: str
) -> None:
    shop, stranger = world.publisher(placed), world.service()
    shop.bus.publishers.update(shop.service_id, restricted={placed: []})
    event_id = shop.publish(placed, {"total": 20})
    for client, name in ((stranger, event_id), (stranger, "none")):
        problem(client.http.get(f"/events/{name}/matches"), 404)
        problem(client.http.post("/filters/test", json={"event_id": name}), 404)
    assert codes(shop, event_id) == {}
