"""The bus publishes events about subscriptions to their owners."""

import time
from typing import Any

import pytest
from event_bus import times
from event_bus.model.circuit import KNOWN_SECONDS
from event_bus_client import path

from tests.end_to_end.receiver import Receiver, eventually
from tests.end_to_end.world import Client, World


@pytest.fixture
def told(world: World, service: Client) -> Receiver:
    """Receives the bus's events for the service."""
    receiver = world.receiver()
    service.subscribe(receiver, "eventbus.*.*")
    return receiver


def heard(receiver: Receiver, event_type: str) -> dict[str, Any]:
    """Waits for the first event of a type, and returns it."""
    event: dict[str, Any] = eventually(
        lambda: next((e for r in receiver.requests if (e := r.event)["type"] == event_type), None)
    )
    return event


def test_only_the_owner_receives_events_about_pauses(
    world: World, service: Client, domain: str, told: Receiver
) -> None:
    other = world.service()
    foreign = world.receiver()
    everything = other.subscribe(foreign, "*")
    made = service.subscribe(world.receiver(), f"{domain}.*")
    for status in ("paused", "active", "disabled"):
        service.bus.subscriptions.update(made["id"], status=status)
    for what in ("paused", "resumed", "disabled"):
        event = heard(told, f"eventbus.subscription.{what}")
        assert event["source"] == "eventbus"
        assert event["payload"]["subscription_id"] == made["id"]
        assert event["payload"]["service_id"] == service.service_id
    resumed = heard(told, "eventbus.subscription.resumed")
    assert resumed["payload"]["replay_id"]
    assert world.admin.event(resumed["id"])["type"] == resumed["type"]
    assert service.event(resumed["id"])
    assert other.http.get(f"/events/{resumed['id']}").status_code == 404
    own = other.publish(next(iter(_types(other))))
    foreign.wait_for_event(own)
    assert [each for each in foreign.requests if each.event["source"] == "eventbus"] == []
    # It would receive what other tests publish.
    other.bus.subscriptions.delete(everything["id"])


def _types(client: Client) -> list[str]:
    types: list[str] = client.bus.publishers.get(client.service_id)["event_types"]
    return types


def test_the_owner_receives_events_about_circuits_and_dead_letters(
    world: World, service: Client, domain: str, told: Receiver
) -> None:
    answers = {"status": 500}
    receiver = world.receiver(lambda _: (answers["status"], {}))
    made = service.subscribe(receiver, f"{domain}.*", retry_policy={"max_attempts": 1})
    sent = [service.publish(f"{domain}.created")]
    eventually(lambda: service.bus.subscriptions.get(made["id"])["circuit"]["failing_since"])
    time.sleep(KNOWN_SECONDS)
    sent += [service.publish(f"{domain}.created") for _ in range(12)]
    opened = heard(told, "eventbus.circuit.opened")
    assert opened["payload"]["subscription_id"] == made["id"]
    assert opened["payload"]["failures"] >= 10
    assert opened["payload"]["error"]["code"] == "http_status"
    letter = heard(told, "eventbus.dead_letter.created")
    assert letter["payload"]["subscription_id"] == made["id"]
    assert letter["payload"]["event_id"] in sent
    assert service.bus.dead_letters.get(letter["payload"]["dead_letter_id"])
    answers["status"] = 204

    def closed() -> bool:
        world.end_pause(made["id"])
        service.publish(f"{domain}.created")
        return any(each.event["type"] == "eventbus.circuit.closed" for each in told.requests)

    eventually(closed)
    # At most one a minute, of a dozen dead letters.
    told_of = [e for e in told.event_ids() if e.startswith("eventbus:dead_letter_")]
    assert len(set(told_of)) <= 3


def test_a_dead_letter_of_such_an_event_makes_none(world: World, service: Client) -> None:
    refusing = world.receiver(lambda _: (500, {}))
    made = service.subscribe(refusing, "eventbus.subscription.*", retry_policy={"max_attempts": 1})
    other = service.subscribe(world.receiver(), "eventbus.subscription.disabled")
    service.bus.subscriptions.update(other["id"], status="paused")
    letter = service.dead_letter(subscription_id=made["id"])
    assert letter["event_type"] == "eventbus.subscription.paused"
    marker = service.publish(_types(service)[0].replace("*", "marker"))
    service.event(marker)
    found = world.admin.bus.events.list(type="eventbus.dead_letter.created").page().items
    told_of = [each.payload["subscription_id"] for each in found if each.payload]
    assert made["id"] not in told_of


@pytest.mark.parametrize("client", ["service", "admin"])
def test_only_the_bus_publishes_its_event_types(world: World, service: Client, client: str) -> None:
    sender = world.admin if client == "admin" else service
    answer = sender.http.post("/events", json={"type": "eventbus.circuit.opened", "payload": {}})
    assert answer.status_code == 403
    assert "the bus's own" in answer.json()["detail"]


def test_the_owner_receives_an_event_about_a_key_that_ends_soon(
    world: World, service: Client, told: Receiver
) -> None:
    ends = {"name": "Laptop", "expires_at": times.after(3 * 86_400)}
    place = path("/publishers/{}/keys", service.service_id)
    made = world.admin.bus.call("POST", place, body=ends)
    # As in a new deployment, whose first check reports all keys that end within 14 days.
    world.bus.dynamodb.delete_item(
        TableName=world.bus.resources["cursors_table"],
        Key={"owner": {"S": "sweeper"}, "name": {"S": "expiring_keys"}},
    )
    world.sweep()
    event = heard(told, "eventbus.key.expiring")
    assert event["payload"]["key_id"] == made["id"]
    assert event["payload"]["name"] == "Laptop"
    assert "webhooks" in service.bus.call("GET", "/openapi.json")
    channels = service.bus.call("GET", "/asyncapi.json")["channels"]
    assert event["type"] in channels
