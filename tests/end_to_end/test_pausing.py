"""Subscriptions that are paused and resumed, on the deployed bus."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.end_to_end.receiver import Receiver, eventually
from tests.end_to_end.world import Client, World


@pytest.fixture
def receiver(world: World) -> Receiver:
    return world.receiver()


def change(client: Client, subscription: dict[str, Any], **members: Any) -> dict[str, Any]:
    return client.bus.subscriptions.update(subscription["id"], **members)


def held(client: Client, event_ids: list[str], subscription: dict[str, Any]) -> None:
    """Waits until events are routed and held."""
    for each in event_ids:
        client.settled(each, subscription["id"], "held")


def test_events_of_a_pause_are_delivered_once_after_it(world: World) -> None:
    guarantees = ("at_least_once", "exactly_once", "at_most_once")
    # Most of their time they wait, so they do it at the same time.
    with ThreadPoolExecutor(len(guarantees)) as pool:
        list(pool.map(lambda each: _pause_and_resume(world, each), guarantees))


def _pause_and_resume(world: World, guarantee: str) -> None:
    domain, receiver = world.name("task"), world.receiver()
    service = world.publisher(f"{domain}.*")
    made = service.subscribe(
        receiver,
        f"{domain}.*",
        filters={f"{domain}.created": {"size": ["large"]}},
        delivery_guarantee=guarantee,
    )
    first = service.publish(f"{domain}.created", {"size": "large"})
    receiver.wait_for_event(first)
    paused = change(service, made, status="paused")
    assert (paused["status"], paused["backlog"]) == ("paused", {"events": 0, "replay_id": None})
    assert paused["paused_at"]
    kept = [service.publish(f"{domain}.created", {"size": "large"}) for _ in range(3)]
    old = service.publish(f"{domain}.closed", timestamp="2026-01-01T00:00:00Z")
    small = service.publish(f"{domain}.created", {"size": "small"})
    held(service, [*kept, old], made)
    assert service.delivery(small, made["id"]) is None
    eventually(lambda: service.bus.subscriptions.get(made["id"])["backlog"]["events"] == 4)
    assert receiver.event_ids() == [first]
    checks = world.anonymous().get("/health/broker").json()["checks"]
    assert checks["held-events"]["observedUnit"] == "events"

    # Events that matched stay owed, whatever the filters say now.
    change(service, made, filters={f"{domain}.created": {"size": ["small"]}})
    resumed = change(service, made, status="active", resume_from="backlog")
    assert (resumed["status"], resumed["paused_at"]) == ("active", None)
    replay_id = resumed["backlog"]["replay_id"]
    refused = service.http.delete(f"/replays/{replay_id}")
    assert refused.status_code == 409
    assert "resume it from now" in refused.json()["detail"]
    for each in (*kept, old):
        service.settled(each, made["id"], "delivered")
        delivered = receiver.wait_for_event(each)
        assert delivered.headers["webhook-id"] == each
        delivered.verify(made["signing_secret"])
    service.completed({"id": replay_id})
    assert service.bus.subscriptions.get(made["id"])["backlog"] is None
    assert sorted(receiver.event_ids()) == sorted([first, *kept, old])


def test_a_subscription_that_resumes_from_now_keeps_the_order_of_its_streams(
    service: Client, domain: str, receiver: Receiver
) -> None:
    made = service.subscribe(receiver, f"{domain}.*", ordered=True)
    stream = {"metadata": {"stream_id": "task/1"}}
    first = service.publish(f"{domain}.created", **stream)
    receiver.wait_for_event(first)
    change(service, made, status="paused")
    left_out = [service.publish(f"{domain}.changed", **stream) for _ in range(2)]
    held(service, left_out, made)
    change(service, made, status="active", resume_from="now")
    last = service.publish(f"{domain}.closed", **stream)
    receiver.wait_for_event(last)
    assert receiver.event_ids() == [first, last]

    change(service, made, status="paused")
    kept = [service.publish(f"{domain}.changed", **stream) for _ in range(3)]
    held(service, kept, made)
    change(service, made, status="active")
    later = service.publish(f"{domain}.closed", **stream)
    receiver.wait_for(6)
    assert receiver.event_ids() == [first, last, *kept, later]


def test_an_event_on_its_way_waits_for_the_end_of_the_pause(
    world: World, service: Client, domain: str
) -> None:
    answers = {"status": 500}
    receiver = world.receiver(lambda _: (answers["status"], {}))
    made = service.subscribe(
        receiver, f"{domain}.*", retry_policy={"schedule": [20], "max_attempts": 3}
    )
    sent = service.publish(f"{domain}.created")
    receiver.wait_for_event(sent)
    change(service, made, status="paused")
    letter = service.dead_letter(event_id=sent)
    assert letter["error"]["code"] == "subscription_paused"
    assert len(receiver.requests) == 1
    answers["status"] = 204
    change(service, made, status="active")
    world.make_due(letter)
    world.sweep()
    assert service.settled(sent, made["id"], "delivered")["attempts"] == 2


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"status": "sleeping"}, "/status"),
        ({"resume_from": "now"}, "/resume_from"),
        ({"status": "paused", "resume_from": "now"}, "/resume_from"),
        ({"status": "active", "resume_from": "yesterday"}, "/resume_from"),
        ({"paused_at": "2026-01-01T00:00:00Z"}, "/paused_at"),
        ({"backlog": None}, "/backlog"),
    ],
)
def test_an_impossible_pause_is_refused_with_its_member(
    service: Client, domain: str, receiver: Receiver, members: dict[str, Any], pointer: str
) -> None:
    made = service.subscribe(receiver, f"{domain}.*")
    answer = service.http.patch(f"/subscriptions/{made['id']}", json=members)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert service.bus.subscriptions.get(made["id"])["status"] == "active"


def test_only_its_service_sees_a_paused_subscription_which_gets_no_replay(
    world: World, service: Client, domain: str, receiver: Receiver
) -> None:
    made = service.subscribe(receiver, f"{domain}.*")
    other = world.service()
    path = f"/subscriptions/{made['id']}"
    assert other.http.patch(path, json={"status": "paused"}).status_code == 404
    change(service, made, status="paused")
    assert [each["id"] for each in service.bus.subscriptions.list(status="paused")] == [made["id"]]
    asked = {"from": "2026-01-01T00:00:00Z", "subscription_id": made["id"]}
    answer = service.http.post("/replays", json=asked)
    assert answer.status_code == 409
    assert "paused" in answer.json()["detail"]
