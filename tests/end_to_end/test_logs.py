"""The log lines of the deployed functions, and what they must not contain."""

import time
from collections import Counter

import orjson

from tests.end_to_end.everything import lines
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import World


def test_the_logs_trace_an_event_through_every_function_without_secrets(world: World) -> None:
    domain, began = world.name("task"), time.time()
    key = f"canary-key-{domain}-0123456789"
    admin, service_id = world.admin.http, world.name("publisher")
    answer = admin.post(
        "/publishers",
        json={
            "service_id": service_id,
            "name": "canary",
            "event_types": [f"{domain}.*"],
            "authentication": {"api_key": key},
        },
    )
    assert answer.status_code == 201
    publisher, receiver = world.with_key(key), world.receiver()
    secret = publisher.subscribe(receiver, f"{domain}.*")["signing_secret"]
    traces = {"correlation_id": f"{domain}-c", "trace_id": f"{domain}-t"}
    ids = [
        publisher.publish(f"{domain}.created", {"canary": canary}, metadata=traces)
        for canary in ("canary-payload", "canary-payload" * 2000)
    ]
    publisher.http.post("/events", json={"type": f"{domain}.created", "payload": "canary-payload"})
    publisher.http.post("/events", content=b'{"canary-payload": NaN}')
    for event_id in ids:
        receiver.wait_for_event(event_id)

    def followed() -> bool:
        wanted = {
            (event_id, message)
            for event_id in ids
            for message in ("event stored", "event matched", "delivery attempted")
        }
        for _, line in lines(world.bus, began):
            if f"{domain}-c" in line:
                told = orjson.loads(line)
                assert told["trace_id"] == f"{domain}-t"
                wanted.discard((told["event_id"], told["message"]))
        return not wanted

    eventually(followed)
    for group, line in lines(world.bus, began):
        for canary in (key, secret, world.bus.admin_api_key, "canary-payload"):
            assert canary not in line, group


def test_no_function_is_silent(world: World) -> None:
    # The emulator waits 50 ms for the output of a call that prints nothing.
    assert world.anonymous().get("/health/ready").status_code == 200
    for path in ("/events", "/subscriptions", "/replays", "/publishers"):
        assert world.admin.http.get(path).status_code == 200
    calls, told = Counter[str](), Counter[str]()
    for group, line in lines(world.bus):
        if line.startswith("START ") and "event-bus-local" in group:
            calls[group] += 1
        elif line == '{"level":"INFO","message":"called"}':
            told[group] += 1
    assert len(calls) >= 3
    # On a busy machine, a line may be read too late to be assigned to its call.
    assert [group for group in calls if told[group] < calls[group] / 2] == []
