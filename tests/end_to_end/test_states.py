"""States of event streams on the deployed bus: reducers, the past, snapshots, read models."""

import time
from typing import Any

import pytest
from event_bus_client import path
from event_bus_client.times import rfc3339

from tests.end_to_end.aws_resources import made_function
from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World

SUM = '$merge([state, {"total": $sum([state.total, event.payload.amount])}])'

FOLD = """
def handler(called, context):
    state = called["state"]
    for event in called["events"]:
        total = state.get("total", 0) + event["payload"]["amount"]
        state = {"total": total, "last": event["version"]}
    return state
"""


def append(service: Client, domain: str, stream: str, *payloads: dict[str, Any]) -> None:
    batch = [
        {"type": f"{domain}.changed", "payload": each, "metadata": {"stream_id": stream}}
        for each in payloads
    ]
    service.publish_all(batch)


def state(client: Client, stream: str, **query: Any) -> dict[str, Any]:
    return client.bus.streams.state(stream, **query).model_dump(exclude_unset=True)


def test_a_state_by_reducers_from_snapshots_and_in_the_past(
    world: World, service: Client, domain: str
) -> None:
    stream, admin = f"{domain}/1", world.admin
    append(service, domain, stream, *({"amount": 1, "last": n} for n in range(1, 61)))
    noted = state(service, stream)
    assert (noted["state"], noted["reducer"]["version"]) == ({"amount": 1, "last": 60}, 0)
    [last] = service.bus.streams.read(stream, backward=True, limit=1).page().items
    moment = rfc3339(last.event.created_at)
    time.sleep(0.01)
    append(service, domain, stream, *({"amount": 1, "last": n} for n in range(61, 111)))
    first = state(service, stream)
    assert (first["version"], first["state"]["last"], first["snapshot_version"]) == (110, 110, None)
    again = state(service, stream)
    assert again == {**first, "snapshot_version": 100}
    assert state(admin, stream, source=service.service_id) == again
    assert state(service, stream, at_version=7)["state"]["last"] == 7
    assert state(service, stream, at_time=moment)["version"] == 60
    assert state(service, stream, at_time="2020-01-01T00:00:00Z")["version"] == 0
    reducers, place = service.bus.reducers, f"/reducers/{domain}"
    assert reducers.put(domain, expression=SUM).version == 1
    summed = state(service, stream)
    assert (summed["state"], summed["snapshot_version"]) == ({"total": 110}, None)
    assert summed["reducer"] == {"type": "jsonata", "version": 1}
    assert state(service, stream, at_time=moment)["state"] == {"total": 60}
    refused = service.http.put(place, json={"type": "jsonata", "expression": "$now("})
    assert "at character" in problem(refused, 422)["detail"]
    reducers.put(domain, expression="event.payload.amount")
    failed = problem(service.http.get("/streams/state", params={"stream_id": stream}), 409)
    assert "version 1: the state must be an object" in failed["detail"]
    function = made_function(world, FOLD)
    made = world.bus.client("lambda").publish_version(FunctionName=function)["Version"]
    refused = service.http.put(place, json={"type": "lambda", "function": function})
    assert "published version" in problem(refused, 422)["detail"]
    assert reducers.put(domain, function=f"{function}:{made}").version == 3
    by_function = state(service, stream)
    assert (by_function["state"], by_function["version"]) == ({"total": 110, "last": 110}, 110)
    again = state(service, stream)
    assert (again["state"], again["snapshot_version"]) == ({"total": 110, "last": 110}, 100)
    _a_failed_state_is_retried(service, domain)
    reducers.delete(domain)
    assert state(service, stream)["state"] == {"amount": 1, "last": 110}
    both: dict[str, str | int] = {"stream_id": stream, "at_version": 1, "at_time": moment}
    problem(service.http.get("/streams/state", params=both), 400)


def _a_failed_state_is_retried(service: Client, domain: str) -> None:
    """Checks the state of a stream with an event for which the function fails."""
    append(service, domain, f"{domain}/2", {"amount": 5}, {"without": "an amount"})
    service.bus.read_models.put(domain, [])

    def seen() -> dict[str, Any] | None:
        answer = service.http.get(f"/states/{domain}")
        items = answer.json()["items"] if answer.status_code == 200 else []
        return next((each for each in items if each["failed"]), None)

    failed = eventually(seen)
    assert (failed["stream_id"], failed["version"]) == (f"{domain}/2", 1)
    assert failed["state"] == {"total": 5, "last": 1}
    assert failed["retry_at"] > failed["updated_at"]
    service.bus.read_models.delete(domain)


def states(client: Client, category: str, **query: Any) -> list[dict[str, Any]]:
    return list(client.bus.listing(path("/states/{}", category), limit=2, **query))


@pytest.fixture
def model(service: Client, domain: str) -> None:
    """A read model of five tasks."""
    for number in range(1, 6):
        status = "done" if number == 1 else "in_progress"
        append(service, domain, f"{domain}/{number}", {"status": status, "owner": "Ada"})
    service.bus.read_models.put(domain, ["status", "owner"])
    problem(service.http.get(f"/states/{domain}"), 503)
    eventually(lambda: service.bus.read_models.get(domain).building is None)


@pytest.mark.usefixtures("model")
def test_a_read_model_is_listed_kept_up_and_rebuilt(
    world: World, service: Client, domain: str
) -> None:
    assert len(states(service, domain)) == 5
    running = states(service, domain, status="in_progress")
    assert [each["stream_id"] for each in running] == [f"{domain}/{n}" for n in range(2, 6)]
    assert running[0]["state"] == {"status": "in_progress", "owner": "Ada"}
    # New events update it; sealed values stay markers.
    service.publish(
        f"{domain}.closed",
        {"status": "done", "note": "hidden"},
        metadata={"stream_id": f"{domain}/2"},
        sensitive=["/note"],
    )
    done = eventually(
        lambda: (found := states(service, domain, status="done", owner="Ada"))[1:] and found
    )
    assert [each["stream_id"] for each in done] == [f"{domain}/1", f"{domain}/2"]
    assert done[1]["state"]["note"] == {"$encrypted": True}
    assert (done[1]["version"], done[1]["complete"], done[1]["failed"]) == (2, True, None)
    assert service.bus.read_models.get(domain).lag_seconds == 0
    # A service that may not receive one of the types sees no state that includes it.
    stranger = world.service()
    restricted = {"restricted": {f"{domain}.closed": [service.service_id]}}
    service.bus.publishers.update(service.service_id, **restricted)
    seen = states(stranger, domain, source=service.service_id)
    assert [each["stream_id"] for each in seen] == [f"{domain}/{n}" for n in (1, 3, 4, 5)]
    assert states(stranger, domain, source=service.service_id, colour="red") == []
    assert states(stranger, "none", source=service.service_id) == []
    refused = problem(service.http.get(f"/states/{domain}", params={"colour": "red"}), 400)
    assert refused["errors"][0]["pointer"] == "colour"
    # It is rebuilt by the present reducer, and stays readable.
    service.bus.reducers.put(domain, expression='{"n": event.version}')
    building = service.bus.read_models.rebuild(domain).building
    assert building
    assert building.number == 2

    def rebuilt() -> bool:
        assert len(states(service, domain)) == 5
        serving = service.bus.read_models.get(domain).serving
        return serving is not None and serving.number == 2

    eventually(rebuilt)
    assert [each["state"]["n"] for each in states(service, domain)] == [1, 2, 1, 1, 1]
    service.bus.read_models.delete(domain)
    problem(service.http.get(f"/states/{domain}"), 404)
