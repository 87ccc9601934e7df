"""Overlapping requests: of several that exclude each other, one takes effect."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World

ONCE = {"max_attempts": 1}
CALLERS = 6
"""The number of simultaneous callers; each needs processes of its own on the emulator."""

PATIENCE = 120.0


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CALLERS) as executor:
        yield executor


def at_once(
    threads: ThreadPoolExecutor, client: Client, method: str, path: str, body: Any = None
) -> list[httpx.Response]:
    """Returns the answers to a request that several callers make at the same time."""
    request = partial(client.http.request, method, path, json=body, timeout=PATIENCE)
    asked = [threads.submit(request) for _ in range(CALLERS)]
    return [each.result() for each in asked]


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(each.status_code for each in answers)


def test_of_simultaneous_retries_of_a_dead_letter_one_takes_effect(
    world: World, threads: ThreadPoolExecutor
) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    receiver = world.receiver(lambda count: (500 if count == 1 else 204, {}))
    service.subscribe(receiver, f"{domain}.*", retry_policy=ONCE)
    letter = service.dead_letter(event_id=service.publish(f"{domain}.created"))
    path = f"/dead-letters/{letter['id']}"
    answers = at_once(threads, service, "POST", f"{path}/retry")
    assert statuses(answers) == {202: 1, 409: CALLERS - 1}
    resolved = eventually(
        lambda: (
            (each := service.bus.dead_letters.get(letter["id"]))["status"] == "resolved" and each
        )
    )
    time.sleep(2)
    assert len(receiver.requests) == len(resolved["attempts"]) == 2


def test_bulk_retries_count_what_they_opened(world: World, threads: ThreadPoolExecutor) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    receiver = world.receiver(lambda count: (500 if count <= 8 else 204, {}))
    subscription = service.subscribe(receiver, f"{domain}.*", retry_policy=ONCE)
    for _ in range(8):
        service.publish(f"{domain}.created")
    eventually(lambda: len(service.dead_letters(status="exhausted")) == 8)
    asked = {"subscription_id": subscription["id"]}
    answers = at_once(threads, service, "POST", "/dead-letters/retry", asked)
    assert statuses(answers) == {202: CALLERS}
    assert sum(each.json()["retried"] for each in answers) == 8
    eventually(lambda: len(service.dead_letters(status="resolved")) == 8)
    time.sleep(2)
    assert len(receiver.requests) == 16


def test_of_simultaneous_discards_of_a_dead_letter_one_takes_effect(
    world: World, threads: ThreadPoolExecutor
) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    receiver = world.receiver(lambda _: (500, {}))
    service.subscribe(receiver, f"{domain}.*", retry_policy=ONCE)
    letter = service.dead_letter(event_id=service.publish(f"{domain}.created"))
    path = f"/dead-letters/{letter['id']}"
    assert statuses(at_once(threads, service, "DELETE", path)) == {204: 1, 409: CALLERS - 1}


def test_the_first_of_an_id_in_a_batch_is_stored(world: World) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")

    def submission(name: str, stream: str | None) -> dict[str, Any]:
        metadata = {"stream_id": stream} if stream else {}
        return {"id": name, "type": f"{domain}.created", "payload": {}, "metadata": metadata}

    for number in range(10):
        own, first, second = (world.name(each) for each in ("event", "one", "two"))
        fillers = [submission(world.name("filler"), second) for _ in range(3)]
        last = submission(own, second if number % 2 else None)
        batch = [*fillers, submission(own, first), last]
        results = service.http.post("/events", json=batch).json()["results"]
        assert [each["status"] for each in results] == [202, 202, 202, 202, 409]
        assert service.event(own)["metadata"]["stream_id"] == first


def test_the_streams_of_a_batch_are_in_its_order(world: World) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    streams = [world.name("stream") for _ in range(2)]
    batch = [
        {
            "type": f"{domain}.created",
            "payload": {},
            "metadata": {"stream_id": streams[number % 2]},
        }
        for number in range(20)
    ]
    ids = service.publish_all(batch)
    versions = [service.event(each)["metadata"]["stream_version"] for each in ids]
    assert versions == [number // 2 + 1 for number in range(20)]


def test_of_simultaneous_removals_of_a_resource_one_takes_effect(
    world: World, threads: ThreadPoolExecutor
) -> None:
    service = world.publisher(f"{world.name('task')}.*")
    receiver = world.receiver()
    subscription = service.subscribe(receiver, "task.*")
    key = service.http.post(f"/publishers/{service.service_id}/keys").json()
    for path in (
        f"/publishers/{service.service_id}/keys/{key['id']}",
        f"/subscriptions/{subscription['id']}",
        f"/publishers/{service.service_id}",
    ):
        answers = at_once(threads, world.admin, "DELETE", path)
        assert statuses(answers) == {204: 1, 404: CALLERS - 1}, path


def test_simultaneous_keys_are_counted_exactly(world: World, threads: ThreadPoolExecutor) -> None:
    service = world.service()
    path = f"/publishers/{service.service_id}/keys"
    made = [service.http.post(path).json() for _ in range(16)]
    made_at_once = statuses(at_once(threads, service, "POST", path))
    assert made_at_once == {201: 3, 409: CALLERS - 3}
    revoked = at_once(threads, service, "DELETE", f"{path}/{made[0]['id']}")
    assert statuses(revoked) == {204: 1, 404: CALLERS - 1}
    rotated = at_once(threads, service, "POST", f"{path}/{made[1]['id']}/rotate")
    assert statuses(rotated) == {201: 1, 409: CALLERS - 1}
    kept = service.http.get(path).json()["items"]
    assert len(kept) == 20
    assert [each["id"] for each in kept if each["expires_at"]] == [made[1]["id"]]


def test_a_service_that_subscribes_while_it_is_removed_keeps_a_key(
    world: World, threads: ThreadPoolExecutor
) -> None:
    receiver = world.receiver()
    for _ in range(6):
        service = world.publisher(f"{world.name('task')}.*")
        asked = {"event_types": ["task.*"], "callback_url": receiver.url}
        subscribing = threads.submit(
            service.http.post, "/subscriptions", json=asked, timeout=PATIENCE
        )
        removing = threads.submit(
            world.admin.http.delete, f"/publishers/{service.service_id}", timeout=PATIENCE
        )
        assert removing.result().status_code == 204
        subscribed = subscribing.result().status_code
        assert subscribed in (201, 401)
        keys = world.admin.http.get(f"/subscribers/{service.service_id}/keys")
        assert keys.status_code == (200 if subscribed == 201 else 404)
        assert subscribed == 401 or keys.json()["items"]
