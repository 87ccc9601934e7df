"""States of event streams on the deployed bus: reducers, the past, snapshots, read models."""

import time
from typing import Any

import pytest

from tests.end_to_end.aws_resources import made_function
from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World

SUM = {
    "type": "jsonata",
    "expression": '$merge([state, {"total": $sum([state.total, event.payload.amount])}])',
}

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
    answer = service.http.post("/events", json=batch)
    assert answer.json()["accepted"] == len(payloads), answer.text


def state(client: Client, stream: str, **query: Any) -> dict[str, Any]:
    answer = client.http.get("/streams/state", params={"stream_id": stream, **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def put(service: Client, path: str, body: Any, status: int = 201) -> dict[str, Any]:
    answer = service.http.put(path, json=body)
    assert answer.status_code == status, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_state_by_reducers_from_snapshots_and_in_the_past(
    world: World, service: Client, domain: str
) -> None:
    stream, admin = f"{domain}/1", world.admin
    append(service, domain, stream, *({"amount": 1, "last": n} for n in range(1, 61)))
    noted = state(service, stream)
    assert (noted["state"], noted["reducer"]["version"]) == ({"amount": 1, "last": 60}, 0)
    moment = service.http.get(
        "/streams/events", params={"stream_id": stream, "direction": "backward", "limit": 1}
    ).json()["items"][0]["event"]["created_at"]
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
    path = f"/reducers/{domain}"
    assert put(service, path, SUM)["version"] == 1
    summed = state(service, stream)
    assert (summed["state"], summed["snapshot_version"]) == ({"total": 110}, None)
    assert summed["reducer"] == {"type": "jsonata", "version": 1}
    assert state(service, stream, at_time=moment)["state"] == {"total": 60}
    refused = service.http.put(path, json={"type": "jsonata", "expression": "$now("})
    assert "at character" in problem(refused, 422)["detail"]
    put(service, path, {"type": "jsonata", "expression": "event.payload.amount"})
    failed = problem(service.http.get("/streams/state", params={"stream_id": stream}), 409)
    assert "version 1: the state must be an object" in failed["detail"]
    function = made_function(world, FOLD)
    made = world.bus.client("lambda").publish_version(FunctionName=function)["Version"]
    refused = service.http.put(path, json={"type": "lambda", "function": function})
    assert "published version" in problem(refused, 422)["detail"]
    assert put(service, path, {"type": "lambda", "function": f"{function}:{made}"})["version"] == 3
    by_function = state(service, stream)
    assert (by_function["state"], by_function["version"]) == ({"total": 110, "last": 110}, 110)
    again = state(service, stream)
    assert (again["state"], again["snapshot_version"]) == ({"total": 110, "last": 110}, 100)
    assert service.http.delete(path).status_code == 204
    assert state(service, stream)["state"] == {"amount": 1, "last": 110}
    both = {"stream_id": stream, "at_version": 1, "at_time": moment}
    problem(service.http.get("/streams/state", params=both), 400)


def states(client: Client, category: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = client.http.get(f"/states/{category}", params={**query, "limit": 2, **cursor})
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json()["next_cursor"]}


@pytest.fixture
def model(service: Client, domain: str) -> str:
    """The path of a read model of five tasks."""
    for number in range(1, 6):
        status = "done" if number == 1 else "in_progress"
        append(service, domain, f"{domain}/{number}", {"status": status, "owner": "Ada"})
    path = f"/read-models/{domain}"
    put(service, path, {"indexes": ["status", "owner"]})
    problem(service.http.get(f"/states/{domain}"), 503)
    eventually(lambda: service.http.get(path).json()["building"] is None)
    return path


def test_a_read_model_is_listed_kept_up_and_rebuilt(
    world: World, service: Client, domain: str, model: str
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
    assert service.http.get(model).json()["lag_seconds"] == 0
    # A service that may not receive one of the types sees no state that includes it.
    stranger = world.service()
    restricted = {"restricted": {f"{domain}.closed": [service.service_id]}}
    answer = service.http.patch(f"/publishers/{service.service_id}", json=restricted)
    assert answer.status_code == 200, answer.text
    seen = states(stranger, domain, source=service.service_id)
    assert [each["stream_id"] for each in seen] == [f"{domain}/{n}" for n in (1, 3, 4, 5)]
    assert states(stranger, domain, source=service.service_id, colour="red") == []
    assert states(stranger, "none", source=service.service_id) == []
    refused = problem(service.http.get(f"/states/{domain}", params={"colour": "red"}), 400)
    assert refused["errors"][0]["pointer"] == "colour"
    # It is rebuilt by the present reducer, and stays readable.
    put(service, f"/reducers/{domain}", {"type": "jsonata", "expression": '{"n": event.version}'})
    answer = service.http.post(f"{model}/rebuild")
    assert (answer.status_code, answer.json()["building"]["number"]) == (202, 2)

    def rebuilt() -> bool:
        assert len(states(service, domain)) == 5
        found: bool = service.http.get(model).json()["serving"]["number"] == 2
        return found

    eventually(rebuilt)
    assert [each["state"]["n"] for each in states(service, domain)] == [1, 2, 1, 1, 1]
    assert service.http.delete(model).status_code == 204
    problem(service.http.get(f"/states/{domain}"), 404)
