"""Failing subscribers on the deployed bus: retries, dead letters, and requests of people."""

import time
from typing import Any

import httpx
import pytest
from event_bus.delivery.subscription_cache import CACHE_SECONDS
from event_bus.queues.message import Message

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import Receiver, eventually
from tests.end_to_end.world import Client, World

SOON = {"schedule": [1], "max_attempts": 3}
LATE = {"schedule": [3600], "max_attempts": 3}
ONCE = {"max_attempts": 1}


def failing(world: World, status: int = 500, **headers: str) -> Receiver:
    return world.receiver(
        lambda _: (status, {name.replace("_", "-"): text for name, text in headers.items()})
    )


def exhausted(world: World, **policy: Any) -> tuple[Client, Receiver, dict[str, Any]]:
    """A service with an exhausted dead letter, and the receiver that refused it."""
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    answers = {"status": 500}
    receiver = world.receiver(lambda _: (answers["status"], {}))
    service.subscribe(receiver, f"{domain}.*", retry_policy={**ONCE, **policy})
    event_id = service.publish(f"{domain}.created", {"kept": "whole"})
    letter = service.dead_letter(event_id=event_id)
    answers["status"] = 204
    return service, receiver, letter


def test_a_failed_delivery_is_tried_again_until_it_succeeds(world: World) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    receiver = world.receiver(lambda count: (500 if count < 3 else 204, {}))
    subscription = publisher.subscribe(
        receiver, f"{domain}.*", retry_policy={"base": 1, "factor": 2}
    )
    event_id = publisher.publish(f"{domain}.created")
    seen = publisher.settled(event_id, subscription["id"], "retrying")
    assert seen["last_error"]["code"] == "http_status"
    assert seen["last_error"]["message"] == "the subscriber answered 500"
    assert seen["next_retry_at"] > seen["last_error"]["timestamp"]
    requests = receiver.wait_for(3)
    assert {request.headers["webhook-id"] for request in requests} == {event_id}
    for request in requests:
        request.verify(subscription["signing_secret"])
    delivery = publisher.settled(event_id, subscription["id"], "delivered")
    assert (delivery["attempts"], delivery["last_error"]) == (3, None)
    assert delivery["dead_letter_id"] is None
    assert publisher.dead_letters(event_id=event_id) == []


def test_a_delivery_that_never_succeeds_becomes_a_dead_letter_with_its_attempts(
    world: World,
) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    # A redirect is a failure, wherever it leads.
    other = world.receiver()
    receiver = failing(world, 302, location=other.url)
    subscription = publisher.subscribe(receiver, f"{domain}.*", retry_policy=SOON)
    event_id = publisher.publish(f"{domain}.created")
    publisher.settled(event_id, subscription["id"], "exhausted")
    [letter] = publisher.dead_letters(event_id=event_id)
    assert letter["status"] == "exhausted"
    assert letter["retry_count"] == 2
    assert letter["next_retry_at"] is None
    assert letter["error"]["message"] == "the subscriber answered 302"
    assert (letter["subscription_id"], letter["subscriber_id"]) == (
        subscription["id"],
        publisher.service_id,
    )
    assert [each["number"] for each in letter["attempts"]] == [1, 2, 3]
    for attempt in letter["attempts"]:
        assert (attempt["code"], attempt["status_code"]) == ("http_status", 302)
        assert attempt["duration_ms"] < 15_000
    assert publisher.bus.dead_letters.get(letter["id"]) == letter
    assert len(receiver.requests) == 3
    assert not other.requests


def test_a_client_error_is_final_where_the_policy_says_so(world: World) -> None:
    domain = world.name("task")
    publisher, receiver = world.publisher(f"{domain}.*"), failing(world, 422)
    subscription = publisher.subscribe(
        receiver, f"{domain}.*", retry_policy={**SOON, "client_errors": "final"}
    )
    event_id = publisher.publish(f"{domain}.created")
    assert publisher.settled(event_id, subscription["id"], "exhausted")["attempts"] == 1


def test_retry_after_is_honoured(world: World) -> None:
    domain = world.name("task")
    publisher, receiver = world.publisher(f"{domain}.*"), failing(world, 429, retry_after="3600")
    publisher.subscribe(receiver, f"{domain}.*", retry_policy=SOON)
    letter = publisher.dead_letter(event_id=publisher.publish(f"{domain}.created"))
    # The wait is too long for a lane, so it waits as a dead letter.
    assert letter["status"] == "retrying"
    assert letter["next_retry_at"] > letter["updated_at"]
    assert letter["next_retry_at"][:13] != letter["updated_at"][:13]


def test_a_410_disables_the_subscription_and_is_announced(world: World) -> None:
    domain = world.name("task")
    publisher, receiver = world.publisher(f"{domain}.*"), failing(world, 410)
    subscription = publisher.subscribe(receiver, f"{domain}.*")
    told = world.receiver()
    disabled = "eventbus.subscription.disabled"
    publisher.subscribe(
        told, disabled, filters={disabled: {"subscription_id": [subscription["id"]]}}
    )
    event_id = publisher.publish(f"{domain}.created")
    [notice] = told.wait_for(1)
    assert notice.event["source"] == "eventbus"
    assert notice.event["payload"]["reason"] == "the subscriber answered 410 Gone"
    shown = publisher.bus.subscriptions.get(subscription["id"])
    assert (shown["status"], shown["disabled_reason"]) == (
        "disabled",
        "the subscriber answered 410 Gone",
    )
    assert publisher.dead_letter(event_id=event_id)["status"] == "exhausted"
    again = publisher.bus.subscriptions.update(subscription["id"], status="active")
    assert (again["status"], again["disabled_reason"]) == ("active", None)


def test_a_dead_letter_is_retried_and_resolved(world: World) -> None:
    service, receiver, letter = exhausted(world)
    letters, path = service.bus.dead_letters, f"/dead-letters/{letter['id']}"
    assert letters.retry(letter["id"])["status"] == "retrying"
    second = receiver.wait_for(2)[1]
    assert second.event["payload"] == {"kept": "whole"}
    assert second.headers["webhook-id"] == letter["event_id"]
    resolved = eventually(
        lambda: (each := letters.get(letter["id"]))["status"] == "resolved" and each
    )
    assert [each["code"] for each in resolved["attempts"]] == ["http_status", None]
    assert resolved["error"] is None
    problem(service.http.post(f"{path}/retry"), 409)
    problem(service.http.delete(path), 409)


def test_the_sweeper_sends_due_deliveries(world: World) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    receiver = world.receiver(lambda count: (500 if count == 1 else 204, {}))
    subscription = publisher.subscribe(receiver, f"{domain}.*", retry_policy=LATE)
    event_id = publisher.publish(f"{domain}.created")
    letter = publisher.dead_letter(event_id=event_id)
    assert letter["status"] == "retrying"
    world.sweep()
    time.sleep(1)
    assert len(receiver.requests) == 1
    world.make_due(letter)
    # The sweeper runs by itself, every minute.
    receiver.wait_for(2, seconds=90)
    publisher.settled(event_id, subscription["id"], "delivered")
    assert publisher.dead_letters(event_id=event_id, status="resolved")


def test_a_discarded_dead_letter_is_not_tried_again(world: World) -> None:
    service, receiver, letter = exhausted(world)
    path = f"/dead-letters/{letter['id']}"
    service.bus.dead_letters.discard(letter["id"])
    shown = service.bus.dead_letters.get(letter["id"])
    assert (shown["status"], shown["error"]["code"]) == ("resolved", "discarded")
    problem(service.http.post(f"{path}/retry"), 409)
    delivery = service.delivery(letter["event_id"], letter["subscription_id"])
    assert delivery
    assert delivery["status"] == "dropped"
    assert len(receiver.requests) == 1


def test_dead_letters_are_retried_by_filter(world: World) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    answers = {"status": 500}
    receiver = world.receiver(lambda _: (answers["status"], {}))
    subscription = service.subscribe(receiver, f"{domain}.*", retry_policy=ONCE)
    ids = {service.publish(f"{domain}.created") for _ in range(4)}
    other = service.publish(f"{domain}.other")
    eventually(lambda: len(service.dead_letters(status="exhausted")) == 5)
    answers["status"] = 204
    answer = service.bus.dead_letters.retry_all(
        subscription_id=subscription["id"], event_type=f"{domain}.created"
    )
    assert answer == {"retried": 4, "next_cursor": None}
    eventually(lambda: len(service.dead_letters(status="resolved")) == 4)
    assert {each["event_id"] for each in service.dead_letters(status="resolved")} == ids
    assert [each["event_id"] for each in service.dead_letters(status="exhausted")] == [other]


def test_dead_letters_are_listed_in_pages_to_whom_they_belong(world: World) -> None:
    domain = world.name("task")
    publisher, subscriber = world.publisher(f"{domain}.*"), world.service()
    subscription = subscriber.subscribe(failing(world), f"{domain}.*", retry_policy=ONCE)
    ids = [publisher.publish(f"{domain}.created") for _ in range(5)]
    eventually(lambda: len(subscriber.dead_letters()) == 5)
    listing = subscriber.bus.dead_letters.list(limit=2)
    assert len(listing.page().items) == 2
    assert sorted(each["event_id"] for each in listing) == sorted(ids)
    # They are the subscriber's, not the publisher's.
    assert publisher.dead_letters() == []
    letter = subscriber.dead_letters()[0]
    for answer in (
        publisher.http.get(f"/dead-letters/{letter['id']}"),
        publisher.http.post(f"/dead-letters/{letter['id']}/retry"),
        publisher.http.delete(f"/dead-letters/{letter['id']}"),
    ):
        problem(answer, 404)
    by_admin = world.admin.dead_letters(subscriber_id=subscriber.service_id, limit="100")
    assert {each["event_id"] for each in by_admin} == set(ids)
    assert subscriber.dead_letters(subscription_id=subscription["id"], error_code="timeout") == []
    assert subscriber.dead_letters(**{"from": "2100-01-01T00:00:00Z"}) == []


@pytest.mark.parametrize(
    ("policy", "pointer"),
    [
        ({"max_attempts": 0}, "/retry_policy/max_attempts"),
        ({"max_attempts": 51}, "/retry_policy/max_attempts"),
        ({"schedule": []}, "/retry_policy/schedule"),
        ({"schedule": [0]}, "/retry_policy/schedule/0"),
        ({"schedule": [5], "base": 5}, "/retry_policy"),
        ({"timeout": 31}, "/retry_policy/timeout"),
        ({"client_errors": "never"}, "/retry_policy/client_errors"),
        ({"colour": "red"}, "/retry_policy/colour"),
    ],
)
def test_an_impossible_policy_is_refused_at_its_fault(
    world: World, policy: dict[str, Any], pointer: str
) -> None:
    service = world.service()
    answer: httpx.Response = service.http.post(
        "/subscriptions",
        json={
            "event_types": ["task.*"],
            "callback_url": "http://127.0.0.1:9/",
            "retry_policy": policy,
        },
    )
    assert [each["pointer"] for each in problem(answer, 422)["errors"]] == [pointer]


def test_a_message_that_its_lane_gave_up_becomes_a_dead_letter_and_is_delivered(
    world: World,
) -> None:
    """A message whose function crashes every time is moved to the redrive queue by SQS."""
    domain = world.name("task")
    publisher, receiver = world.publisher(f"{domain}.*"), world.receiver()
    subscription = publisher.subscribe(receiver, f"{domain}.created", retry_policy=LATE)
    # An event that did not match, so it has no record of a delivery.
    event_id = publisher.publish(f"{domain}.silent", {"kept": "whole"})
    message = Message(event_id, subscription["id"], publisher.service_id, 0)
    world.bus.sqs.send_message(
        QueueUrl=world.bus.resources["http_lane_redrive_url"], MessageBody=message.to_json()
    )
    letter = publisher.dead_letter(event_id=event_id)
    assert letter["status"] == "retrying"
    assert letter["error"]["code"] == "function_crashed"
    publisher.bus.dead_letters.retry(letter["id"])
    [delivered] = receiver.wait_for(1)
    assert delivered.event["payload"] == {"kept": "whole"}
    publisher.settled(event_id, subscription["id"], "delivered")


def test_waiting_deliveries_go_to_the_new_target(
    world: World,
) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    old, new = world.receiver(lambda _: (500, {})), world.receiver()
    subscription = service.subscribe(
        old, f"{domain}.*", retry_policy={"schedule": [int(1.5 * CACHE_SECONDS)], "max_attempts": 2}
    )
    event_id = service.publish(f"{domain}.created", {"priority": "low"})
    old.wait_for_event(event_id)
    changed = {
        "callback_url": new.url,
        "filters": {f"{domain}.*": {"priority": ["high"]}},
    }
    service.bus.subscriptions.update(subscription["id"], **changed)
    filtered = service.publish(f"{domain}.created", {"priority": "low"})
    new.wait_for_event(event_id)
    service.settled(event_id, subscription["id"], "delivered")
    assert new.event_ids() == [event_id]
    assert service.delivery(filtered, subscription["id"]) is None
