"""Events with a deduplication key are stored once within its window, on the deployed bus."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.end_to_end.world import Client, World


def send(client: Client, event_type: str, key: str, **members: Any) -> httpx.Response:
    metadata = {"deduplication_key": key, **members.pop("metadata", {})}
    body = {"type": event_type, "payload": {}, "metadata": metadata, **members}
    return client.http.post("/events", json=body)


def test_a_second_event_with_a_deduplication_key_is_the_first(
    world: World, service: Client, domain: str
) -> None:
    receiver = world.receiver()
    service.subscribe(receiver, f"{domain}.*")
    first = send(service, f"{domain}.created", "order-7")
    assert first.status_code == 202
    assert "deduplicated" not in first.json()
    second = send(service, f"{domain}.created", "order-7", payload={"other": True}, id="mine-7")
    assert (second.status_code, second.json()["id"]) == (202, first.json()["id"])
    assert second.json()["deduplicated"] is True
    assert service.http.get("/events/mine-7").status_code == 404
    # Another key is another event, and so is the same key of another publisher.
    other = send(service, f"{domain}.created", "order-8").json()
    assert other["id"] != first.json()["id"]
    stranger = world.publisher(f"{domain}.*")
    assert "deduplicated" not in send(stranger, f"{domain}.created", "order-7").json()
    for each in (first.json()["id"], other["id"]):
        receiver.wait_for_event(each)
    assert receiver.event_ids().count(first.json()["id"]) == 1
    repeated = send(service, f"{domain}.created", "order-7", id=first.json()["id"])
    assert repeated.json()["id"] == first.json()["id"]


def test_only_one_of_simultaneous_duplicates_is_stored(service: Client, domain: str) -> None:
    with ThreadPoolExecutor(8) as executor:
        answers = list(
            executor.map(
                lambda n: send(service, f"{domain}.created", "k", payload={"n": n}), range(16)
            )
        )
    assert {each.status_code for each in answers} <= {202, 503}
    accepted = [each.json() for each in answers if each.status_code == 202]
    assert len({each["id"] for each in accepted}) == 1
    assert sum("deduplicated" not in each for each in accepted) <= 1


def test_a_batch_holds_a_key_twice(service: Client, domain: str) -> None:
    metadata = {"deduplication_key": "twice", "deduplication_window": 60}
    events = [
        {"type": f"{domain}.created", "payload": {"n": n}, "metadata": metadata} for n in range(3)
    ]
    answer = service.http.post("/events", json=events)
    results = answer.json()["results"]
    assert len({each["id"] for each in results}) == 1
    assert [each.get("deduplicated") for each in results] == [None, True, True]
    assert service.event(results[0]["id"])["payload"] == {"n": 0}


def test_a_stream_has_one_place_for_it(service: Client, domain: str) -> None:
    stream = {"metadata": {"stream_id": "task/1"}}
    first = send(service, f"{domain}.created", "s", **stream).json()
    assert send(service, f"{domain}.created", "s", **stream).json()["deduplicated"] is True
    later = send(service, f"{domain}.created", "t", **stream).json()
    versions = [service.event(each["id"])["metadata"]["stream_version"] for each in (first, later)]
    assert versions == [1, 2]


@pytest.mark.parametrize(
    ("metadata", "pointer"),
    [
        ({"deduplication_window": 5}, "/metadata/deduplication_window"),
        ({"deduplication_key": "k", "deduplication_window": 0}, "/metadata/deduplication_window"),
        ({"deduplication_key": "k", "deduplication_window": 61}, "/metadata/deduplication_window"),
        ({"deduplication_key": ""}, "/metadata/deduplication_key"),
        ({"deduplication_key": "k" * 257}, "/metadata/deduplication_key"),
        ({"deduplication_key": None}, "/metadata/deduplication_key"),
    ],
)
def test_an_invalid_key_is_refused(
    service: Client, domain: str, metadata: dict[str, Any], pointer: str
) -> None:
    body = {"type": f"{domain}.created", "payload": {}, "metadata": metadata}
    answer = service.http.post("/events", json=body)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
