"""Subscribers that fetch their events: by pulling, and as a stream of Server-Sent Events."""

import threading
import time
from typing import Any

import httpx
import orjson
import pytest

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World
from tests.waiting import join


def inbox(service: Client, domain: str, kind: str = "pull", **more: Any) -> str:
    return f"/subscriptions/{service.subscribe({'type': kind}, f'{domain}.*', **more)['id']}"


def take(service: Client, path: str, **query: Any) -> dict[str, Any]:
    answer = service.http.get(f"{path}/events", params=query)
    assert answer.status_code == 200, answer.text
    taken: dict[str, Any] = answer.json()
    return taken


def ids_in(taken: dict[str, Any]) -> list[str]:
    return [each["event"]["id"] for each in taken["items"]]


def acknowledge(service: Client, path: str, taken: dict[str, Any]) -> httpx.Response:
    return service.http.post(
        f"{path}/ack", json={"lease": taken["lease"], "cursor": taken["cursor"]}
    )


def test_a_consumer_pulls_and_acknowledges(service: Client, domain: str) -> None:
    path = inbox(service, domain, filters={f"{domain}.*": {"n": [{"numeric": ["<", 7]}]}})
    batch = [{"type": f"{domain}.created", "payload": {"n": number}} for number in range(10)]
    wanted = {*service.publish_all(batch)[:7]}
    eventually(lambda: len(take(service, path, cursor=0)["items"]) == 7)
    first = take(service, path, limit=4)
    assert len(first["items"]) == 4
    assert problem(service.http.get(f"{path}/events"), 409)["detail"].startswith("Another consumer")
    assert acknowledge(service, path, first).status_code == 204
    # The answer may have been lost.
    assert acknowledge(service, path, first).status_code == 204
    second = take(service, path)
    problem(acknowledge(service, path, first), 409)
    assert {*ids_in(first), *ids_in(second)} == wanted
    assert len(second["items"]) == 3
    assert acknowledge(service, path, second).status_code == 204
    nothing = take(service, path)
    assert (nothing["items"], nothing["lease"]) == ([], None)
    assert nothing["cursor"] == second["cursor"]
    # What was acknowledged can still be read.
    assert {*ids_in(take(service, path, cursor=0))} == wanted
    assert ids_in(take(service, path, cursor=first["cursor"])) == ids_in(second)


def test_events_of_a_crashed_consumer_are_taken_again(service: Client, domain: str) -> None:
    path = inbox(service, domain)
    event_id = service.publish(f"{domain}.created", {"kept": "whole"})
    eventually(lambda: take(service, path, cursor=0)["items"])
    # Not by a waiting pull: its lease lasts longer than the pull may wait.
    lost = take(service, path, lease=1)
    assert ids_in(lost) == [event_id]
    again = eventually(
        lambda: (answer := service.http.get(f"{path}/events")).status_code == 200 and answer.json()
    )
    assert ids_in(again) == [event_id]
    assert again["items"][0]["event"]["payload"] == {"kept": "whole"}
    problem(acknowledge(service, path, lost), 409)
    assert acknowledge(service, path, again).status_code == 204


def test_no_acknowledgement_of_a_consumer_skips_events(service: Client, domain: str) -> None:
    path = inbox(service, domain)
    for _ in range(6):
        service.publish(f"{domain}.created")
    eventually(lambda: len(take(service, path, cursor=0)["items"]) == 6)

    def refusal(lease: str, cursor: Any, status: int) -> str:
        body = {"lease": lease, "cursor": cursor}
        return str(problem(service.http.post(f"{path}/ack", json=body), status)["detail"])

    first = take(service, path, limit=4, lease=300)
    lease = first["lease"]
    assert service.http.post(f"{path}/ack", json={"lease": lease, "cursor": "2"}).is_success
    for cursor in ("0", "5", "6", "50"):
        assert "reaches from 1 to 4" in refusal(lease, cursor, 422)
    for wrong in (3, 3.0, "-3", "3.0", "3" * 16, None):
        assert refusal(lease, wrong, 422).startswith("/cursor: ")
    # Nobody else may take the rest of the lease.
    problem(service.http.get(f"{path}/events"), 409)
    refusal("lease_of_nobody", "3", 409)
    # An earlier place is already acknowledged.
    assert service.http.post(f"{path}/ack", json={"lease": lease, "cursor": "1"}).is_success
    assert acknowledge(service, path, first).status_code == 204
    rest = take(service, path)
    assert [each["cursor"] for each in rest["items"]] == ["5", "6"]
    refusal(lease, "6", 409)
    assert acknowledge(service, path, rest).status_code == 204


def test_an_ended_lease_is_refused_even_if_its_events_are_free(
    service: Client, domain: str
) -> None:
    path = inbox(service, domain)
    service.publish(f"{domain}.created")
    late = eventually(lambda: (taken := take(service, path, lease=1))["items"] and taken)
    time.sleep(2.1)
    said = problem(acknowledge(service, path, late), 409)["detail"]
    assert said.startswith("The lease ended before 1 was acknowledged. Events up to 0 were.")
    assert ids_in(take(service, path)) == ids_in(late)


def test_consumers_at_the_same_time_share_an_inbox(service: Client, domain: str) -> None:
    path = inbox(service, domain)
    batch = [{"type": f"{domain}.created", "payload": {"n": n}} for n in range(30)]
    service.publish_all(batch)
    done: list[int] = []
    guard = threading.Lock()

    def consume() -> None:
        end = time.monotonic() + 60
        while len(done) < len(batch) and time.monotonic() < end:
            answer = service.http.get(f"{path}/events", params={"limit": 4, "wait": 1})
            assert answer.status_code in (200, 409), answer.text
            if answer.is_success and (taken := answer.json())["items"]:
                assert acknowledge(service, path, taken).status_code == 204
                with guard:
                    done.extend(int(each["cursor"]) for each in taken["items"])

    consumers = [threading.Thread(target=consume) for _ in range(4)]
    for each in consumers:
        each.start()
    join(*consumers, seconds=180)
    # No consumer received an event that another had acknowledged.
    assert sorted(done) == list(range(1, len(batch) + 1))


def test_a_pull_waits_for_events(service: Client, domain: str) -> None:
    path = inbox(service, domain)
    published: list[str] = []
    publisher = threading.Timer(2, lambda: published.append(service.publish(f"{domain}.created")))
    publisher.start()
    began = time.monotonic()
    taken = take(service, path, wait=20)
    assert ids_in(taken) == published
    assert 1 < time.monotonic() - began < 15
    join(publisher)


def test_an_inbox_has_guarantees_order_and_replays_as_all_have(
    service: Client, domain: str
) -> None:
    path = inbox(service, domain, ordered=True, delivery_guarantee="exactly_once")
    stream = {"stream_id": f"{domain}/1"}
    ids = [service.publish(f"{domain}.moved", {"n": n}, metadata=stream) for n in range(6)]
    taken = eventually(
        lambda: len((found := take(service, path, cursor=0))["items"]) == 6 and found
    )
    assert ids_in(taken) == ids
    subscription = path.rpartition("/")[2]
    for event_id in ids:
        service.settled(event_id, subscription, "delivered")
    replay = service.replayed(ids[0])
    again = take(service, path, cursor=taken["cursor"], wait=20)
    assert [each["delivery_id"] for each in again["items"]] == [f"{ids[0]}:{replay['id']}"]
    assert again["items"][0]["event"]["metadata"]["replay_id"] == replay["id"]


def test_a_large_event_is_fetched_whole(service: Client, domain: str) -> None:
    path = inbox(service, domain)
    service.publish(f"{domain}.created", {"text": "x" * 500_000})
    [item] = take(service, path, wait=20)["items"]
    assert item["event"]["payload"] == {"text": "x" * 500_000}


def test_only_the_owner_fetches(world: World, service: Client, domain: str) -> None:
    path, other = inbox(service, domain), world.service()
    for answer in (
        other.http.get(f"{path}/events"),
        other.http.get(f"{path}/stream"),
        other.http.post(f"{path}/ack", json={"lease": "x", "cursor": "1"}),
        other.http.post(f"{path}/stream-tokens"),
    ):
        problem(answer, 404)
    callback = service.subscribe(world.receiver(), f"{domain}.*")
    problem(service.http.get(f"/subscriptions/{callback['id']}/events"), 409)


@pytest.mark.parametrize(
    "query",
    [
        "cursor=x",
        "cursor=-1",
        "wait=21",
        "lease=0",
        "lease=30&cursor=1",
        "limit=0",
        "limit=1&limit=2",
        "what=1",
    ],
)
def test_an_invalid_parameter_is_refused(service: Client, domain: str, query: str) -> None:
    path = inbox(service, domain)
    assert problem(service.http.get(f"{path}/events?{query}"), 400)["errors"]


def test_a_place_beyond_the_end_of_the_inbox_is_refused(service: Client, domain: str) -> None:
    path = inbox(service, domain)
    assert take(service, path, cursor=0)["items"] == []
    service.publish(f"{domain}.created")
    eventually(lambda: take(service, path, cursor=0)["items"])
    assert take(service, path, cursor=1) == {
        "items": [],
        "cursor": "1",
        "lease": None,
        "lease_expires_at": None,
    }
    refused = problem(service.http.get(f"{path}/events?cursor=2"), 400)
    assert refused["detail"] == "cursor: is beyond the end of the inbox, which is 1."


def events_of(text: str) -> list[dict[str, str]]:
    """Returns the blocks of an event stream that carry data, as a client reads them."""
    blocks = [
        dict(line.partition(": ")[::2] for line in block.split("\n") if not line.startswith(":"))
        for block in text.split("\n\n")
    ]
    return [block for block in blocks if "data" in block]


def test_a_stream_begins_now_or_at_the_last_place(service: Client, domain: str) -> None:
    path = inbox(service, domain, "sse")
    before = service.publish(f"{domain}.created")
    eventually(lambda: take(service, path, cursor=0)["items"])
    now = service.http.get(f"{path}/stream", params={"wait": 0})
    assert now.headers["content-type"] == "text/event-stream"
    assert events_of(now.text) == []
    assert "id: 1\n" in now.text
    after = service.publish(f"{domain}.closed")
    turn = service.http.get(f"{path}/stream", headers={"last-event-id": "1"})
    [block] = events_of(turn.text)
    assert (block["id"], block["event"]) == ("2", f"{domain}.closed")
    assert orjson.loads(block["data"])["id"] == after
    whole = service.http.get(f"{path}/stream", headers={"last-event-id": "0"})
    assert [orjson.loads(each["data"])["id"] for each in events_of(whole.text)] == [before, after]


def test_a_token_follows_one_stream_and_no_other(
    world: World, service: Client, domain: str
) -> None:
    path, other = inbox(service, domain, "sse"), inbox(service, domain, "sse")
    issued = service.http.post(f"{path}/stream-tokens")
    assert issued.status_code == 201, issued.text
    token = issued.json()["token"]
    anonymous = world.anonymous()
    query = {"token": token, "wait": "0"}
    followed = anonymous.get(f"{path}/stream", params=query)
    assert followed.status_code == 200
    assert followed.headers["content-type"].startswith("text/event-stream")
    problem(anonymous.get(f"{other}/stream", params=query), 404)
    problem(anonymous.get(f"{path}/stream", params={"token": token + "x"}), 401)
    problem(anonymous.get(f"{path}/stream"), 401)
    problem(anonymous.get(f"{path}/events", headers={"authorization": f"Bearer {token}"}), 401)
