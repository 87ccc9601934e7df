"""Requests that overlap: of several that cannot all hold, one is carried out."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import World

ONCE = {"max_attempts": 1}


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(10) as executor:
        yield executor


def at_once(
    threads: ThreadPoolExecutor, count: int, request: Callable[[], httpx.Response]
) -> list[httpx.Response]:
    """The answers to a request that several callers make at the same time."""
    asked = [threads.submit(request) for _ in range(count)]
    return [each.result() for each in asked]


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(each.status_code for each in answers)


def test_of_ten_who_retry_one_dead_letter_one_opens_it(
    world: World, threads: ThreadPoolExecutor
) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    receiver = world.receiver(lambda count: (500 if count == 1 else 204, {}))
    service.subscribe(receiver, f"{domain}.*", retry_policy=ONCE)
    letter = service.dead_letter(event_id=service.publish(f"{domain}.created"))
    path = f"/dead-letters/{letter['id']}"
    answers = at_once(threads, 10, lambda: service.http.post(f"{path}/retry"))
    assert statuses(answers) == {202: 1, 409: 9}
    resolved = eventually(
        lambda: (each := service.http.get(path).json())["status"] == "resolved" and each
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
    answers = at_once(threads, 4, lambda: service.http.post("/dead-letters/retry", json=asked))
    assert statuses(answers) == {202: 4}
    assert sum(each.json()["retried"] for each in answers) == 8
    eventually(lambda: len(service.dead_letters(status="resolved")) == 8)
    time.sleep(2)
    assert len(receiver.requests) == 16


def test_of_eight_who_discard_a_dead_letter_one_does(
    world: World, threads: ThreadPoolExecutor
) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    receiver = world.receiver(lambda _: (500, {}))
    service.subscribe(receiver, f"{domain}.*", retry_policy=ONCE)
    letter = service.dead_letter(event_id=service.publish(f"{domain}.created"))
    path = f"/dead-letters/{letter['id']}"
    assert statuses(at_once(threads, 8, lambda: service.http.delete(path))) == {204: 1, 409: 7}


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
    results = service.http.post("/events", json=batch).json()["results"]
    versions = [service.event(each["id"])["metadata"]["stream_version"] for each in results]
    assert versions == [number // 2 + 1 for number in range(20)]
