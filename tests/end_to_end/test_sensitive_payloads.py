"""Sensitive values are sealed wherever they are stored, and shown to named readers only."""

import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from localstack.bus import LocalBus
from tests.end_to_end.everything import telling
from tests.end_to_end.problems import problem
from tests.end_to_end.queues import without_consumers
from tests.end_to_end.receiver import eventually
from tests.end_to_end.socket_client import connected
from tests.end_to_end.world import Client, World

SECRET = "ada-8d1f@example.com"
MARKER = {"$encrypted": True}


def mark(publisher: Client, domain: str, *readers: Client) -> None:
    """Makes a publisher mark the e-mail addresses in its events, and name their readers."""
    change = {
        "sensitive": {f"{domain}.*": ["/email"]},
        "sensitive_readers": [each.service_id for each in readers],
    }
    changed = publisher.bus.publishers.update(publisher.service_id, **change)
    assert changed["sensitive_readers"] == change["sensitive_readers"]


def pulled(service: Client, inbox: str) -> list[Any]:
    """Returns the e-mail addresses of the events in an inbox."""
    return [each["event"]["payload"]["email"] for each in service.waiting(inbox, wait=20)]


@pytest.fixture(scope="module", autouse=True)
def began(bus: LocalBus) -> Iterator[float]:
    """When the tests began. At their end, the secret is searched for in all that the bus stores."""
    now = time.time()
    yield now
    assert telling(bus, [SECRET], now) == []


@pytest.fixture
def granted(world: World) -> Client:
    return world.service()


@pytest.fixture
def other(world: World) -> Client:
    return world.service()


@pytest.mark.parametrize("size", [0, 40_000])
def test_sensitive_values_are_shown_only_to_named_readers(
    world: World, service: Client, domain: str, granted: Client, other: Client, size: int
) -> None:
    mark(service, domain, granted)
    receivers = {each.service_id: world.receiver() for each in (service, granted, other)}
    for each in (service, granted, other):
        each.subscribe(receivers[each.service_id], f"{domain}.*")
    inboxes = {each.service_id: each.pull(f"{domain}.*") for each in (granted, other)}
    secret = SECRET + "x" * size
    event_id = service.publish(f"{domain}.created", {"email": secret, "n": 1})

    def received(each: Client) -> Any:
        return receivers[each.service_id].wait_for_event(event_id).event["payload"]

    for each in (service, granted):
        assert received(each) == {"email": secret, "n": 1}
    assert received(other) == {"email": MARKER, "n": 1}
    assert pulled(granted, inboxes[granted.service_id]) == [secret]
    assert pulled(other, inboxes[other.service_id]) == [MARKER]
    for each in (service, granted, world.admin):
        assert each.event(event_id)["payload"]["email"] == secret
    assert other.event(event_id)["payload"]["email"] == MARKER
    listed = other.http.get("/events", params={"type": f"{domain}.*"}).text
    assert SECRET not in listed
    if not size:
        own = granted.bus.events.list(type=f"{domain}.*")
        assert [each.payload for each in own] == [{"email": secret, "n": 1}]


def test_it_is_sealed_in_queues_and_dead_letters_and_replays_open_it(
    world: World, service: Client, domain: str, granted: Client, began: float
) -> None:
    mark(service, domain, granted)
    echo = world.receiver(lambda count: (500 if count == 1 else 200, {}))
    echo.echoes = True
    url = world.bus.resources["http_lane_url"]
    with without_consumers(world, url):
        once = {"max_attempts": 1}
        made = granted.subscribe(echo, f"{domain}.*", retry_policy=once)
        event_id = service.publish(f"{domain}.created", {"email": SECRET})

        def waiting() -> list[str]:
            taken = world.bus.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0
            )
            bodies = [each["Body"] for each in taken.get("Messages", [])]
            return [each for each in bodies if event_id in each]

        [body] = eventually(waiting)
        assert SECRET not in body
        assert orjson.loads(body)["event"]["payload"] == {"email": MARKER}
    letter = world.admin.dead_letter(subscription_id=made["id"])
    assert letter["attempts"][0]["status_code"] == 500
    assert echo.requests[0].event["payload"] == {"email": SECRET}
    # The subscriber answered with the event that it received.
    assert SECRET not in world.admin.http.get(f"/dead-letters/{letter['id']}").text
    assert telling(world.bus, [SECRET], began) == []
    granted.bus.dead_letters.retry(letter["id"])
    eventually(lambda: len(echo.requests) == 2)
    granted.replayed(event_id)
    eventually(lambda: len(echo.requests) == 3)
    assert [each.event["payload"] for each in echo.requests] == [{"email": SECRET}] * 3


def test_sealed_values_open_only_for_their_own_event(
    world: World, service: Client, domain: str, granted: Client
) -> None:
    mark(service, domain, granted)
    inbox = granted.pull(f"{domain}.*")
    first, second = (service.publish(f"{domain}.created", {"email": SECRET}) for _ in range(2))
    eventually(lambda: pulled(granted, inbox) == [SECRET] * 2)
    table = world.bus.resources["events_table"]
    stolen = world.bus.dynamodb.get_item(TableName=table, Key={"id": {"S": first}})["Item"]
    world.bus.dynamodb.update_item(
        TableName=table,
        Key={"id": {"S": second}},
        UpdateExpression="SET sealed = :sealed, sealed_key = :key",
        ExpressionAttributeValues={":sealed": stolen["sealed"], ":key": stolen["sealed_key"]},
    )
    assert service.event(first)["payload"] == {"email": SECRET}
    assert service.event(second)["payload"] == {"email": MARKER}
    # The changed event is routed again, so it may be in the inbox twice.
    assert set(map(str, pulled(granted, inbox))) == {SECRET, str(MARKER)}
    receiver = world.receiver()
    made = granted.subscribe(receiver, f"{domain}.*", retry_policy={"max_attempts": 1})
    begin = "2020-01-01T00:00:00Z"
    granted.completed(granted.bus.replays.start(since=begin, subscription_id=made["id"]))
    letter = granted.dead_letter(subscription_id=made["id"])
    assert (letter["event_id"], letter["error"]["code"]) == (second, "payload_not_opened")
    assert receiver.wait_for_event(first).event["payload"] == {"email": SECRET}
    assert len(receiver.requests) == 1


def test_a_sealed_payload_is_pushed_opened_to_a_named_reader(
    world: World, service: Client, domain: str, granted: Client, other: Client
) -> None:
    mark(service, domain, granted)
    payload = {"email": SECRET, "n": 1}
    with (
        connected(world.bus.websocket_url, granted.key) as reads,
        connected(world.bus.websocket_url, other.key) as sees,
    ):
        for client in (reads, sees):
            client.subscribe(event_types=[f"{domain}.*"])
        event_id = service.publish(f"{domain}.created", payload, sensitive=True)
        assert [each["event"]["payload"] for each in reads.items(1)] == [payload]
        assert [each["event"]["payload"] for each in sees.items(1)] == [MARKER]
    assert other.event(event_id)["payload"] == MARKER


def test_a_removed_reader_reads_no_stored_values(
    service: Client, domain: str, granted: Client
) -> None:
    mark(service, domain, granted)
    inbox = granted.pull(f"{domain}.*")
    event_id = service.publish(f"{domain}.created", {"email": SECRET})
    assert pulled(granted, inbox) == [SECRET]
    mark(service, domain)
    eventually(lambda: pulled(granted, inbox) == [MARKER])
    eventually(lambda: granted.event(event_id)["payload"] == {"email": MARKER})
    assert service.event(event_id)["payload"] == {"email": SECRET}


def test_a_marked_event_may_be_sent_again(service: Client, domain: str) -> None:
    mark(service, domain)
    sent = {"id": f"{domain}-1", "type": f"{domain}.created", "payload": {"email": SECRET}}
    statuses = [service.http.post("/events", json=sent).status_code for _ in range(2)]
    assert statuses == [202, 200]
    changed = {**sent, "payload": {"email": "eve@example.com"}}
    assert problem(service.http.post("/events", json=changed), 409)


def test_invalid_marks_are_refused_with_their_fault(
    service: Client, domain: str, other: Client
) -> None:
    mark(service, domain)
    sent = {"type": f"{domain}.created", "payload": {"email": SECRET}}
    for sensitive, where in (
        (["/e-mail"], "/sensitive/0"),
        (["email"], "/sensitive/0"),
        (False, "/sensitive"),
    ):
        answer = service.http.post("/events", json={**sent, "sensitive": sensitive})
        assert problem(answer, 422)["errors"][0]["pointer"] == where
        assert SECRET not in answer.text
    path = f"/publishers/{service.service_id}"
    answer = service.http.patch(path, json={"sensitive": {"elsewhere.*": True}})
    assert problem(answer, 422)["errors"][0]["pointer"] == "/sensitive/elsewhere.*"
    assert problem(service.http.patch(path, json={"event_types": ["*"]}), 403)
    assert problem(other.http.patch(path, json={"sensitive_readers": [other.service_id]}), 404)
    wish = {
        "event_types": [f"{domain}.*"],
        "target": {"type": "pull"},
        "filters": {f"{domain}.*": {"email": [{"suffix": "example.com"}]}},
    }
    refused = problem(other.http.post("/subscriptions", json=wish), 422)
    assert refused["errors"][0]["pointer"] == f"/filters/{domain}.*/email"
