"""The Python client against the deployed bus."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from event_bus_client import (
    AsyncEventBus,
    BackgroundPublisher,
    Conflict,
    EventBus,
    Forbidden,
    InvalidRequest,
    NewEvent,
    NotFound,
    Received,
    RetryPolicy,
    Unauthenticated,
    Webhook,
)
from event_bus_client.calls import Call

from tests.end_to_end.world import Client, World
from tests.waiting import PATIENCE_SECONDS, at_most, join


@pytest.fixture
def ours(world: World, service: Client) -> Iterator[EventBus]:
    """The bus as the service of the test sees it."""
    with client(world, service.key) as made:
        yield made


def client(world: World, key: str) -> EventBus:
    return EventBus(world.bus.api_url, key, timeout=60)


def pulled(ours: EventBus, domain: str) -> str:
    made = ours.subscriptions.create(
        name="mine", event_types=[f"{domain}.*"], target={"type": "pull"}
    )
    return str(made["id"])


def test_an_event_is_published_read_back_and_listed(ours: EventBus, domain: str) -> None:
    receipt = ours.publish(
        f"{domain}.created", {"title": "x"}, metadata={"correlation_id": domain, "chosen": "y"}
    )
    again = ours.publish(
        f"{domain}.created",
        {"title": "x"},
        id=receipt.id,
        metadata={"correlation_id": domain, "chosen": "y"},
        timestamp=receipt.timestamp,
    )
    assert again.created_at == receipt.created_at
    with pytest.raises(Conflict):
        ours.publish(f"{domain}.created", {"title": "other"}, id=receipt.id)
    event = ours.events.get(receipt.id)
    assert event.payload == {"title": "x"}
    assert event.metadata.model_extra == {"chosen": "y"}
    listed = list(ours.events.list(correlation_id=domain, limit=1))
    assert [each.id for each in listed] == [receipt.id]
    assert ours.events.trace(receipt.id)["events"][0]["id"] == receipt.id


def test_a_batch_of_many_has_a_result_for_each(ours: EventBus, domain: str) -> None:
    events = [NewEvent(type=f"{domain}.created", payload={"n": n}) for n in range(120)]
    events.insert(50, NewEvent(type="not.permitted", payload={}))
    results = ours.publish_batch(events)
    assert len(results) == 121
    assert isinstance(results[50].problem, Forbidden)
    assert sum(1 for each in results if each.receipt) == 120


def test_refusals_are_exceptions_of_their_kind(world: World, ours: EventBus, domain: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ours.publish(f"{domain}.created", {}, metadata={"retry_count": -1})
    assert [each.pointer for each in refused.value.faults] == ["/metadata/retry_count"]
    assert refused.value.request_id
    with pytest.raises(NotFound):
        ours.events.get("evt_none/../../publishers")
    with pytest.raises(Unauthenticated):
        client(world, "ebk_unknown").publish(f"{domain}.created", {})


def test_a_restarted_consumer_continues_at_its_place(ours: EventBus, domain: str) -> None:
    subscription = pulled(ours, domain)
    ids = [ours.publish(f"{domain}.created", {"n": n}).id for n in range(12)]
    seen: list[str] = []
    inbox = ours.inbox(subscription)
    with (
        # A busy machine takes long to acknowledge; what comes again would be seen twice.
        closing(inbox.receive(limit=5, lease_seconds=6)) as receiving,
        at_most(PATIENCE_SECONDS, inbox.stop, "the first events"),
    ):
        for received in receiving:
            if len(seen) == 7:
                break
            seen.append(received.event.id)
    with at_most(PATIENCE_SECONDS, inbox.stop, "the other events"):
        for received in inbox.receive(wait_seconds=1, lease_seconds=30):
            seen.append(received.event.id)
            if len(seen) >= 12:
                break
    assert sorted(seen) == sorted(ids)


def test_a_slow_consumer_keeps_its_lease(ours: EventBus, domain: str) -> None:
    subscription = pulled(ours, domain)
    for n in range(2):
        ours.publish(f"{domain}.created", {"n": n})
    inbox = ours.inbox(subscription)
    with closing(inbox.receive(lease_seconds=6)) as receiving:
        with at_most(PATIENCE_SECONDS, inbox.stop, "an event"):
            next(receiving)
        time.sleep(7)
        with pytest.raises(Conflict):
            ours._transport.send(Call("GET", f"/subscriptions/{subscription}/events"))


def test_a_consumer_continues_where_another_one_ended(
    world: World, service: Client, ours: EventBus, domain: str
) -> None:
    made = ours.subscriptions.create(
        name="mine", event_types=[f"{domain}.*"], target={"type": "websocket"}
    )
    large = "x" * 200_000
    ids = {
        ours.publish(f"{domain}.created", {"text": large if n == 1 else ""}).id for n in range(8)
    }

    def followed(count: int) -> list[Received]:
        own = EventBus(world.bus.api_url, service.key, websocket_url=world.bus.websocket_url)
        inbox = own.inbox(made["id"])
        found = []
        with at_most(PATIENCE_SECONDS, inbox.stop, "an event"):
            for received in inbox.follow():
                found.append(received)
                if len(found) == count:
                    inbox.stop()
        own.close()
        return found

    found = followed(3) + followed(5)
    assert [int(each.cursor) for each in found] == list(range(1, 9))
    assert {each.event.id for each in found} == ids
    assert sorted(len(str(each.event.payload)) for each in found)[-1] > len(large)


def test_subscriptions_are_made_changed_and_removed(ours: EventBus, domain: str) -> None:
    made = ours.subscriptions.create(
        name="mine", event_types=[f"{domain}.*"], target={"type": "pull"}
    )
    changed = ours.subscriptions.update(made["id"], name="renamed")
    assert changed["name"] == "renamed"
    assert made["id"] in {each["id"] for each in ours.subscriptions.list(limit=1)}
    ours.subscriptions.delete(made["id"])
    with pytest.raises(NotFound):
        ours.subscriptions.get(made["id"])


def test_a_callback_is_verified(world: World, service: Client, ours: EventBus, domain: str) -> None:
    receiver = world.receiver()
    made = service.subscribe(receiver, f"{domain}.*")
    receipt = ours.publish(f"{domain}.created", {"title": "x"})
    receiver.wait_for(1)
    [delivered] = receiver.requests
    event = Webhook(made["signing_secret"]).verify(delivered.headers, delivered.body)
    assert event.id == receipt.id
    assert event.payload == {"title": "x"}


def test_a_background_publisher_loses_nothing_when_it_is_killed(
    world: World, service: Client, domain: str, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    unreachable = EventBus(
        "https://127.0.0.1:9", service.key, retries=RetryPolicy(attempts=1), timeout=1
    )
    first = BackgroundPublisher(unreachable, spool=spool)
    given = {first.publish(f"{domain}.created", {"n": n}) for n in range(130)}
    assert not first.close(timeout=0)
    with client(world, service.key) as ours:
        with BackgroundPublisher(ours, spool=spool) as second:
            given.add(second.publish(f"{domain}.created", {"n": 130}))
            assert second.flush(60)
        found = {each.id for each in ours.events.list(type=f"{domain}.*", limit=100)}
    assert found == given


def test_the_client_for_asyncio_does_the_same(
    world: World, service: Client, ours: EventBus, domain: str
) -> None:
    subscription = pulled(ours, domain)

    async def play() -> tuple[set[str], set[str]]:
        async with AsyncEventBus(world.bus.api_url, service.key) as own:
            receipts = await asyncio.gather(
                *(own.publish(f"{domain}.created", {"n": n}) for n in range(5))
            )
            seen = set()
            async for received in own.inbox(subscription).receive(wait_seconds=5):
                seen.add(received.event.id)
                if len(seen) == 5:
                    break
            return {each.id for each in receipts}, seen

    published, received = asyncio.run(asyncio.wait_for(play(), PATIENCE_SECONDS))
    assert received == published


def test_many_threads_share_a_client(ours: EventBus, domain: str) -> None:
    ids: list[str] = []
    lock = threading.Lock()

    def publish(number: int) -> None:
        receipt = ours.publish(f"{domain}.created", {"n": number})
        with lock:
            ids.append(receipt.id)

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(8)]
    for each in threads:
        each.start()
    join(*threads)
    assert len(set(ids)) == 8
