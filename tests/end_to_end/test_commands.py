"""Commands: one handler, every form of reply, deadlines, cancellation, several replies, a saga."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from event_bus import times
from event_bus_client import EventBus

from examples.saga import story
from localstack.bus import LocalBus
from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import Receiver, eventually
from tests.end_to_end.world import Client, World

PROBLEM = {"content-type": "application/problem+json"}


@pytest.fixture
def command(world: World) -> str:
    """A type of commands that no other test uses."""
    return f"command.{world.name('pay')}"


@pytest.fixture
def analyst(world: World, command: str) -> Client:
    """A service that sends these commands."""
    return world.publisher(command)


@pytest.fixture
def generator(world: World) -> Iterator[Client]:
    """A service that handles them; its subscriptions are removed."""
    client = world.service()
    yield client
    for each in client.bus.subscriptions.list():
        client.bus.subscriptions.delete(each["id"])


def handle(client: Client, command: str, target: Any, **more: Any) -> str:
    made = client.subscribe(target, command, handles=True, **more)
    assert made["delivery_guarantee"] == "exactly_once"
    return str(made["id"])


def callback(receiver: Receiver) -> dict[str, Any]:
    return {"type": "http", "url": receiver.url, "reply": True}


def send(client: Client, command: str, wait: int = 0, **more: Any) -> httpx.Response:
    body = {"type": command, "payload": {"order": 7}, **more}
    return client.http.post("/commands", json=body, params={"wait": wait})


def ended(client: Client, command_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        command = client.bus.commands.get(command_id, wait_seconds=10)
        found = command.model_dump(mode="json", exclude_unset=True)
        return found if found["ended_at"] else None

    found: dict[str, Any] = eventually(look)
    return found


def test_of_simultaneous_services_one_becomes_the_handler(world: World, command: str) -> None:
    services = [world.service() for _ in range(6)]
    body = {"event_types": [command], "handles": True, "target": {"type": "pull"}}
    barrier = threading.Barrier(len(services), timeout=60)

    def register(each: Client) -> httpx.Response:
        barrier.wait()
        return each.http.post("/subscriptions", json=body)

    with ThreadPoolExecutor(len(services)) as pool:
        answers = list(pool.map(register, services))
    [made] = [each for each in answers if each.status_code == 201]
    for each in answers:
        if each is not made:
            assert problem(each, 409)["errors"][0]["pointer"] == "/event_types/0"
    world.admin.bus.subscriptions.delete(made.json()["id"])
    again = services[0].bus.subscriptions.create(**body)
    services[0].bus.subscriptions.delete(again["id"])


def test_a_callback_answers_a_command_that_is_waited_for(
    world: World, command: str, analyst: Client, generator: Client
) -> None:
    answers = iter([(200, {}), (422, PROBLEM)])
    receiver = world.receiver(lambda _: next(answers))
    receiver.echoes = True
    refused = analyst.http.post(
        "/commands", json={"type": command, "payload": {}}, params={"require_handler": "true"}
    )
    assert problem(refused, 409)["errors"][0]["pointer"] == "/type"
    handle(generator, command, callback(receiver))
    stranger = world.service()
    address = f"{analyst.service_id}.commands.responses"
    replies, others = (each.pull(address) for each in (analyst, stranger))
    first = send(analyst, command, 25, metadata={"correlation_id": "order-7"})
    assert first.status_code == 200, first.text
    found = first.json()
    assert (found["state"], found["handler"]["service_id"]) == ("succeeded", generator.service_id)
    assert found["reply"]["payload"]["payload"] == {"order": 7}
    metadata = found["reply"]["metadata"]
    assert (metadata["correlation_id"], metadata["causation_id"]) == ("order-7", found["id"])
    # The reply is also an event, for its address only.
    fetched = eventually(lambda: analyst.waiting(replies))
    assert [each["event"]["id"] for each in fetched] == [found["reply"]["id"]]
    assert stranger.waiting(others) == []
    problem(stranger.http.get(f"/events/{found['reply']['id']}"), 404)
    problem(stranger.http.get(f"/commands/{found['id']}"), 404)

    failed = send(analyst, command, 25)
    assert (failed.status_code, failed.json()["state"]) == (200, "failed")
    assert failed.json()["error"]["payload"] == {"order": 7}
    delivery = generator.event(failed.json()["id"])["deliveries"][0]
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 1)
    assert len(receiver.requests) == 2


def test_a_handler_that_answers_nothing_replies_later(
    world: World, command: str, analyst: Client, generator: Client
) -> None:
    receiver = world.receiver(lambda _: (204, {}))
    handle(generator, command, callback(receiver))
    later = send(analyst, command)
    assert (later.status_code, later.json()["state"]) == (202, "accepted")
    command_id = later.json()["id"]
    assert later.headers["location"] == f"/commands/{command_id}"
    eventually(lambda: analyst.bus.commands.get(command_id).state == "delivered")
    path, body = f"/events/{command_id}/reply", {"payload": {"done": True}}
    problem(world.service().http.post(path, json=body), 404)
    problem(analyst.http.post(path, json=body), 403)
    with ThreadPoolExecutor(5) as pool:
        waiting = pool.submit(ended, analyst, command_id)
        given = list(pool.map(lambda _: generator.http.post(path, json=body), range(4)))
    assert sorted(each.status_code for each in given) == [200, 200, 200, 202]
    assert len({each.json()["id"] for each in given}) == 1
    assert waiting.result()["reply"]["payload"] == {"done": True}
    problem(generator.http.post(path, json={"payload": {"done": False}}), 409)
    problem(analyst.http.post(f"/commands/{command_id}/cancel"), 409)
    assert len(receiver.requests) == 1
    # A replay brings no command to its handler.
    replay = world.admin.replayed(command_id)

    def skipped() -> bool:
        found = world.admin.event(command_id)["deliveries"]
        return any(
            each["replay_id"] == replay["id"]
            and each["last_error"]
            and each["last_error"]["code"] == "command_replayed"
            for each in found
        )

    eventually(skipped)
    assert len(receiver.requests) == 1


def test_after_its_deadline_or_its_cancellation_a_command_is_not_delivered(
    world: World, command: str, analyst: Client, generator: Client
) -> None:
    # It refuses everything, and gets another attempt a second later.
    receiver = world.receiver(lambda _: (503, {}))
    policy = {"schedule": [1], "max_attempts": 40}
    handler = handle(generator, command, callback(receiver), retry_policy=policy)
    deadline = {"deadline": times.after(4)}
    late = send(analyst, command, metadata=deadline).json()["id"]
    cancelled = send(analyst, command).json()["id"]
    receiver.wait_for_event(cancelled)
    assert analyst.bus.commands.cancel(cancelled).state == "cancelled"
    problem(generator.http.post(f"/commands/{cancelled}/cancel"), 403)
    settled = generator.settled(cancelled, handler, "dropped")
    assert settled["last_error"]["code"] == "command_cancelled"
    seen = receiver.event_ids().count(cancelled)
    found = ended(analyst, late)
    assert (found["state"], found["error"]["status"]) == ("expired", 504)
    assert times.now() > deadline["deadline"]
    settled = generator.settled(late, handler, "dropped")
    assert settled["last_error"]["code"] == "command_expired"
    reply = generator.http.post(f"/events/{late}/reply", json={"payload": {}})
    assert "expired before" in problem(reply, 409)["detail"]
    assert [each["service_id"] for each in ended(analyst, late)["late_replies"]] == [
        generator.service_id
    ]
    assert receiver.event_ids().count(cancelled) == seen


def test_an_inbox_returns_no_ended_command(
    command: str, analyst: Client, generator: Client
) -> None:
    inbox = handle(generator, command, {"type": "pull"})

    def waiting() -> list[str]:
        return [each["event"]["id"] for each in generator.waiting(inbox)]

    names = [send(analyst, command).json()["id"] for _ in range(2)]
    late = send(analyst, command, metadata={"deadline": times.after(2)}).json()["id"]
    eventually(lambda: {*names} <= {*waiting()})
    analyst.bus.commands.cancel(names[0])
    assert ended(analyst, late)["state"] == "expired"
    assert waiting() == [names[1]]
    generator.bus.commands.reply(names[1], error="No")
    assert ended(analyst, names[1])["error"] == {"type": "about:blank", "title": "No"}
    assert waiting() == []


def test_a_request_gathers_the_replies_of_several_services(world: World, domain: str) -> None:
    asking = world.publisher(f"{domain}.asked")
    shops = [world.service() for _ in range(2)]
    receiver = world.receiver(lambda _: (200, {}))
    receiver.echoes = True
    for each in shops:
        each.subscribe(callback(receiver), f"{domain}.asked")
    began = time.monotonic()
    metadata = {"expect_replies": 2, "deadline": times.after(30)}
    answer = send(asking, f"{domain}.asked", 25, metadata=metadata)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["state"] == "succeeded"
    assert {each["service_id"] for each in found["replies"]} == {each.service_id for each in shops}
    assert time.monotonic() - began < 25


def test_a_saga_is_completed_or_compensated(bus: LocalBus) -> None:
    steps: list[str] = []
    with (
        EventBus(bus.api_url, bus.admin_api_key) as admin,
        story.played_by(bus.api_url, admin, steps.append) as (saga, generator),
    ):
        assert saga.play("req-1", "a list of open tasks")
        assert not saga.play("req-2", "eval of a formula")
        # The code of the rejected requirement is gone.
        assert [*generator.code] == ["req-1"]
    said = [step.partition(":")[0] for step in steps]
    assert said == [
        "requirement.approved",
        "command.saga.generate_code → succeeded",
        "command.saga.review_code → succeeded",
        "requirement.completed",
        "requirement.approved",
        "command.saga.generate_code → succeeded",
        "command.saga.review_code → failed",
        "command.saga.discard_code → succeeded",
        "requirement.rejected",
    ]


def test_a_command_whose_dead_letter_is_retried_succeeds(
    world: World, command: str, analyst: Client, generator: Client
) -> None:
    answers: Iterator[tuple[int, dict[str, str]]] = iter([(500, {}), (200, {})])
    receiver = world.receiver(lambda _: next(answers))
    receiver.echoes = True
    handle(generator, command, callback(receiver), retry_policy={"max_attempts": 1})
    sent = analyst.bus.commands.send(command, {"order": 7})
    eventually(lambda: analyst.bus.commands.get(sent.id).state == "failed")
    letters = generator.bus.dead_letters
    [letter] = eventually(lambda: list(letters.list(event_id=sent.id, status="exhausted")))
    letters.retry(letter["id"])
    found = eventually(
        lambda: (each := analyst.bus.commands.get(sent.id)).state == "succeeded" and each
    )
    assert found.reply is not None
    assert found.reply.payload["payload"] == {"order": 7}
    assert [letter["status"] for letter in letters.list(event_id=sent.id)] == ["resolved"]
