"""Events of the past, delivered again."""

import time
from typing import Any

import pytest

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import Delivered, eventually
from tests.end_to_end.world import World

BUSY_SECONDS = 240.0
"""The longest time of deliveries, in seconds: on a busy machine a subscriber counts as slow."""


def test_an_event_is_replayed_to_all_that_match_it_now(world: World) -> None:
    domain = world.name("task")
    publisher, subscriber = world.publisher(f"{domain}.*"), world.service()
    receiver, later = world.receiver(), world.receiver()
    subscription = subscriber.subscribe(receiver, f"{domain}.*")
    event_id = publisher.publish(f"{domain}.created", {"n": 1}, metadata={"version": "1"})
    original = receiver.wait_for_event(event_id)
    before = publisher.event(event_id)
    newcomer = publisher.subscribe(later, f"{domain}.*")
    replay = publisher.replayed(event_id)
    assert replay["progress"] == {
        "ratio": 1.0,
        "events_examined": 1,
        "deliveries_sent": 2,
        "events_unroutable": 0,
    }
    again, [new] = receiver.wait_for(2)[1], later.wait_for(1)
    again.verify(subscription["signing_secret"])
    new.verify(newcomer["signing_secret"])
    # It is marked as a replay, so no receiver takes it for a repetition.
    assert again.headers["event-bus-replay"] == replay["id"]
    assert again.headers["webhook-id"] == f"{event_id}:{replay['id']}"
    assert "event-bus-replay" not in original.headers
    assert again.event == {
        **original.event,
        "metadata": {"version": "1", "replay_id": replay["id"]},
    }

    def replayed() -> dict[str, Any] | None:
        found = publisher.event(event_id)
        states = [each["status"] for each in found["deliveries"] if each["replay_id"]]
        return found if states == ["delivered", "delivered"] else None

    after = eventually(replayed)
    for name in ("payload", "metadata", "timestamp", "created_at", "source"):
        assert after[name] == before[name]


def test_a_subscriber_replays_to_itself_alone(world: World) -> None:
    domain = world.name("task")
    publisher, one, two = world.publisher(f"{domain}.*"), world.service(), world.service()
    first, second = world.receiver(), world.receiver()
    own = one.subscribe(first, f"{domain}.*")
    foreign = two.subscribe(second, f"{domain}.*")
    event_id = publisher.publish(f"{domain}.created")
    first.wait_for(1)
    second.wait_for(1)
    path = f"/events/{event_id}/replay"
    replay = one.replayed(event_id)
    assert replay["progress"]["deliveries_sent"] == 1
    one.replayed(event_id, own["id"])
    first.wait_for(3)
    assert len(second.requests) == 1
    problem(one.http.post(path, json={"subscription_id": foreign["id"]}), 404)
    problem(two.http.get(f"/replays/{replay['id']}"), 404)
    problem(world.service().http.post(path), 404)
    problem(one.http.post("/events/evt_none/replay"), 404)
    assert len(one.bus.replays.list(limit=1).page().items) == 1


def test_a_period_is_replayed_by_filter_as_a_job(world: World) -> None:
    domain = world.name("task")
    publisher, receiver = world.publisher(f"{domain}.*"), world.receiver()
    subscription = publisher.subscribe(receiver, f"{domain}.*")
    begin = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
    batch = [
        {"type": f"{domain}.{'created' if number % 2 else 'closed'}", "payload": {"n": number}}
        for number in range(80)
    ]
    ids = publisher.publish_all(batch)
    receiver.wait_for(80, BUSY_SECONDS)
    started = publisher.bus.replays.start(
        since=begin,
        subscription_id=subscription["id"],
        event_types=[f"{domain}.created"],
        source=publisher.service_id,
        rate=100,
    )
    replay = publisher.completed(started)
    assert replay["progress"] == {
        "ratio": 1.0,
        "events_examined": 80,
        "deliveries_sent": 40,
        "events_unroutable": 0,
    }
    replayed = [
        each for each in receiver.wait_for(120, BUSY_SECONDS) if "event-bus-replay" in each.headers
    ]
    assert sorted(each.event["id"] for each in replayed) == sorted(ids[1::2])


def test_a_replay_of_a_stream_is_ordered_beside_its_live_events(world: World) -> None:
    domain = world.name("task")
    publisher, receiver, stream = world.publisher(f"{domain}.*"), world.receiver(), "task/1"
    begin = at(-100)
    metadata = {"stream_id": stream}
    policy = {"schedule": [1], "max_attempts": 30}
    subscription = publisher.subscribe(receiver, f"{domain}.*", ordered=True, retry_policy=policy)
    # The last version happened first.
    for seconds in range(1, 7):
        publisher.publish(f"{domain}.created", metadata=metadata, timestamp=at(-10 * seconds))
    receiver.wait_for(6, BUSY_SECONDS)
    live: list[str] = []

    def respond(count: int) -> tuple[int, dict[str, str]]:
        # The second version fails twice, and until the live events have arrived.
        request = receiver.requests[count - 1]
        failed = [each for each in receiver.requests[:count] if _replayed(each, 2)]
        arrived = {each.event["id"] for each in receiver.acknowledged}
        fails = _replayed(request, 2) and (len(failed) <= 2 or not {*live} or {*live} - arrived)
        return (503 if fails else 204), {}

    receiver.respond = respond
    started = publisher.bus.replays.start(since=begin, subscription_id=subscription["id"])
    replay = publisher.completed(started)
    assert replay["progress"]["deliveries_sent"] == 6
    eventually(lambda: any(_replayed(each, 2) for each in receiver.requests), BUSY_SECONDS)
    live += [publisher.publish(f"{domain}.created", metadata=metadata) for _ in range(2)]

    def replayed() -> list[int] | None:
        done = [each.event["metadata"] for each in receiver.acknowledged]
        found = [each["stream_version"] for each in done if each.get("replay_id") == replay["id"]]
        return found if 6 in found else None

    assert eventually(replayed, BUSY_SECONDS) == [1, 2, 3, 4, 5, 6]
    attempts = [each for each in receiver.requests if _replayed(each, 2)]
    assert len(attempts) >= 3
    assert {each.headers["event-bus-replay"] for each in attempts} == {replay["id"]}


def _replayed(request: Delivered, version: int) -> bool:
    metadata = request.event["metadata"]
    return "replay_id" in metadata and metadata["stream_version"] == version


def test_a_replay_is_cancelled(world: World) -> None:
    domain = world.name("task")
    publisher, receiver = world.publisher(f"{domain}.*"), world.receiver()
    publisher.subscribe(receiver, f"{domain}.*")
    publisher.publish_all([{"type": f"{domain}.created", "payload": {}} for _ in range(100)])
    receiver.wait_for(100, BUSY_SECONDS)
    begin = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    # One delivery a second: after its first page, of fifty events at most, it pauses.
    answer = publisher.http.post(
        "/replays", json={"from": begin, "source": publisher.service_id, "rate": 1}
    )
    replay_id = answer.json()["id"]
    path = answer.headers["location"]
    assert path == f"/replays/{replay_id}"
    replays = publisher.bus.replays
    running = eventually(
        lambda: (each := replays.get(replay_id))["progress"]["deliveries_sent"] and each
    )
    assert running["state"] == "running"
    assert 0 < running["progress"]["ratio"] < 1
    cancelled = replays.cancel(replay_id)
    assert cancelled["state"] == "cancelled"
    problem(publisher.http.delete(path), 409)
    assert replays.get(replay_id)["state"] == "cancelled"
    sent = cancelled["progress"]["deliveries_sent"]
    assert 0 < sent <= 50
    receiver.wait_for(100 + sent, BUSY_SECONDS)
    assert replays.get(replay_id)["progress"]["deliveries_sent"] == sent


def test_a_new_subscription_asks_for_history(world: World) -> None:
    domain = world.name("task")
    publisher, receiver = world.publisher(f"{domain}.*"), world.receiver()
    begin = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
    ids = [publisher.publish(f"{domain}.created") for _ in range(3)]
    old = publisher.publish(f"{domain}.created", timestamp="2020-01-01T00:00:00Z")
    # An event that is not routed yet would be routed to the new subscription.
    eventually(lambda: all(publisher.event(each)["processed"] for each in (*ids, old)))
    subscription = publisher.subscribe(receiver, f"{domain}.*", replay_from=begin)
    found = receiver.wait_for(3)
    assert sorted(each.event["id"] for each in found) == sorted(ids)
    for each in found:
        each.verify(subscription["signing_secret"])
        assert each.headers["event-bus-replay"] == subscription["replay_id"]
    new = publisher.publish(f"{domain}.created")
    receiver.wait_for_event(new)


def test_an_event_of_a_clock_that_runs_ahead_is_replayed(world: World) -> None:
    domain = world.name("task")
    publisher, receiver = world.publisher(f"{domain}.*"), world.receiver()
    begin = at(-2)
    ahead = [publisher.publish(f"{domain}.created", timestamp=at(each)) for each in (40, 290)]
    eventually(lambda: all(publisher.event(each)["processed"] for each in ahead))
    # Both as the history of a new subscription and as a replay up to now.
    publisher.subscribe(receiver, f"{domain}.*", replay_from=begin)
    assert sorted(each.event["id"] for each in receiver.wait_for(2)) == sorted(ahead)
    replay = publisher.completed(publisher.bus.replays.start(since=begin))
    assert replay["progress"]["deliveries_sent"] == 2
    assert replay["to"] <= at(1)
    receiver.wait_for(4)
    # With an end in the past, only the timestamp counts.
    replay = publisher.completed(publisher.bus.replays.start(since=begin, until=at(0)))
    assert replay["progress"]["deliveries_sent"] == 0


def test_events_after_a_registration_are_not_history(world: World) -> None:
    domain = world.name("task")
    publisher, receiver = world.publisher(f"{domain}.*"), world.receiver()
    subscription = publisher.subscribe(receiver, f"{domain}.*", replay_from=at(-2))
    # The history includes events that are stored within ten seconds, and no later ones.
    time.sleep(11)
    later = publisher.publish(f"{domain}.created", timestamp=at(200))
    receiver.wait_for_event(later)
    publisher.completed({"id": subscription["replay_id"]})
    time.sleep(1)
    assert receiver.event_ids() == [later]


@pytest.mark.parametrize("seconds", [60, 86_400, 30 * 365 * 86_400])
def test_a_replay_of_the_future_is_refused(world: World, seconds: int) -> None:
    service = world.publisher(f"{world.name('task')}.*")
    for path, member, more in (
        ("/replays", "from", {}),
        ("/subscriptions", "replay_from", {"event_types": ["a.b"], "target": {"type": "pull"}}),
    ):
        answer = problem(service.http.post(path, json={member: at(seconds), **more}), 422)
        [fault] = answer["errors"]
        assert fault["pointer"] == f"/{member}"
        assert "must not be in the future" in fault["detail"]
    assert service.http.get("/replays").json()["items"] == []
    assert service.http.get("/subscriptions").json()["items"] == []


def test_a_key_without_the_right_to_replay_gets_no_history(world: World) -> None:
    service = world.publisher(f"{world.name('task')}.*")
    path = f"/publishers/{service.service_id}/keys"
    made = service.http.post(path, json={"scopes": ["manage", "read"]}).json()
    manager = world.with_key(made["authentication"]["api_key"], service.service_id)
    asked = {"event_types": ["a.b"], "target": {"type": "pull"}}
    answer = manager.http.post("/subscriptions", json={**asked, "replay_from": at(-9)})
    assert problem(answer, 403)["errors"][0]["pointer"] == "/replay_from"
    assert service.http.get("/subscriptions").json()["items"] == []
    assert service.http.get("/replays").json()["items"] == []
    assert manager.http.post("/subscriptions", json=asked).status_code == 201


def at(seconds: float) -> str:
    """Returns the time some seconds from now."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/from"),
        ({"from": "yesterday"}, "/from"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, ""),
        ({"from": "2026-01-01T00:00:00Z", "rate": 0}, "/rate"),
        ({"from": "2026-01-01T00:00:00Z", "event_types": ["a b"]}, "/event_types/0"),
    ],
)
def test_an_impossible_replay_is_refused_at_its_fault(
    world: World, body: dict[str, object], pointer: str
) -> None:
    answer = world.service().http.post("/replays", json=body)
    assert [each["pointer"] for each in problem(answer, 422)["errors"]] == [pointer]


def test_a_loop_of_events_that_cause_each_other_ends(world: World) -> None:
    domain = world.name("ping")
    service = world.publisher(f"{domain}.*")
    receiver = world.receiver()

    def cause_another(count: int) -> tuple[int, dict[str, str]]:
        cause = receiver.requests[-1].event["id"]
        service.publish(f"{domain}.pong", metadata={"causation_id": cause})
        return 204, {}

    receiver.respond = cause_another
    service.subscribe(receiver, f"{domain}.*", retry_policy={"timeout": 30})
    service.publish(f"{domain}.ping")
    letter = eventually(lambda: service.dead_letters(error_code="too_many_hops"), seconds=60)[0]
    assert letter["status"] == "exhausted"
    assert service.event(letter["event_id"])["metadata"]["hop_count"] == 17
    assert len(receiver.requests) == 17
