"""A circuit opens for a failing subscriber, and closes when it answers again."""

import time
from datetime import datetime
from typing import Any

from event_bus.delivery.circuits import CACHE_SECONDS

from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import World


def test_a_circuit_opens_is_probed_and_closes(world: World) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    answers = {"status": 500}
    receiver, quick = world.receiver(lambda _: (answers["status"], {})), world.receiver()
    subscription = service.subscribe(
        receiver, f"{domain}.*", retry_policy={"schedule": [2], "max_attempts": 20}
    )
    service.subscribe(quick, f"{domain}.*")

    def circuit() -> dict[str, Any]:
        found: dict[str, Any] = service.bus.subscriptions.get(subscription["id"])["circuit"]
        return found

    assert circuit() == {
        "state": "closed",
        "consecutive_failures": 0,
        "failing_since": None,
        "next_probe_at": None,
    }
    ids = {service.publish(f"{domain}.created") for _ in range(12)}
    opened = eventually(lambda: (each := circuit())["state"] == "open" and each)
    assert opened["consecutive_failures"] >= 10
    opened_at, probe_at = (
        datetime.fromisoformat(opened[name]) for name in ("failing_since", "next_probe_at")
    )
    assert 20 < (probe_at - opened_at).total_seconds() < 60
    time.sleep(CACHE_SECONDS)
    # Events that are published meanwhile wait without an attempt; other subscribers get theirs.
    before = len(receiver.requests)
    late = service.publish(f"{domain}.created")
    quick.wait_for_event(late)
    waiting = eventually(lambda: service.dead_letters(event_id=late))
    assert waiting[0]["error"]["code"] == "circuit_open"
    assert waiting[0]["attempts"] == []
    assert late not in receiver.event_ids()
    assert len(receiver.requests) - before <= 12
    answers["status"] = 204

    def all_delivered() -> bool:
        # The pause and the waits are brought to their ends: the probe closes the circuit, and the
        # others follow.
        world.end_pause(subscription["id"])
        for letter in service.dead_letters(status="retrying"):
            world.make_due(letter)
        world.sweep()
        return all(
            (service.delivery(each, subscription["id"]) or {})["status"] == "delivered"
            for each in ids | {late}
        )

    eventually(all_delivered, seconds=60)
    assert circuit()["state"] == "closed"
