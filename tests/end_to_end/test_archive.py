"""Old events of a kept stream move to the archive, and every route answers as before."""

from typing import Any

import pytest
from event_bus import times

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World

_DAY = 86_400


@pytest.fixture
def keeper(world: World, domain: str) -> Client:
    """A service whose streams of one category are kept."""
    return world.publisher(f"{domain}.*", kept_stream_categories=[domain])


def item(world: World, event_id: str) -> dict[str, Any]:
    table = world.bus.resources["events_table"]
    key = {"id": {"S": event_id}}
    found = world.bus.dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)
    return dict(found["Item"])


def age(world: World, *event_ids: str) -> None:
    """Changes events as if they had been stored two days ago.

    Their items have changed, so they are routed again. They count as processed when that is done.
    """
    at = times.after(-2 * _DAY)
    for event_id in event_ids:
        old = {
            **item(world, event_id),
            "timestamp": {"S": at},
            "created_at": {"S": at},
            "position": {"S": f"{at}#{event_id}"},
        }
        world.bus.dynamodb.delete_item(
            TableName=world.bus.resources["deliveries_table"],
            Key={"event_id": {"S": event_id}, "subscription_id": {"S": "#routing"}},
        )
        world.bus.dynamodb.put_item(TableName=world.bus.resources["events_table"], Item=old)


def archive(world: World, *event_ids: str) -> list[str]:
    """Archives old events; returns their places."""
    # The archiver may have passed their new places in the list.
    for name in ("by_cell", "by_odd"):
        world.bus.dynamodb.delete_item(
            TableName=world.bus.resources["cursors_table"],
            Key={"owner": {"S": "archiver"}, "name": {"S": name}},
        )

    def places() -> list[str]:
        world.sweep()
        found = [item(world, each).get("archived", {}).get("S") for each in event_ids]
        return [each for each in found if each] if all(found) else []

    found: list[str] = eventually(places, 60)
    return found


def events_of(world: World, domain: str, stream: str, flow: str) -> list[dict[str, Any]]:
    """Makes four events of a stream: small, sealed in part, large, and with a null."""
    payloads: list[dict[str, Any]] = [
        {"payload": {"title": "Write", "status": "created"}},
        {"payload": {"assignee": "Ada", "phone": "555"}, "sensitive": ["/phone"]},
        {"payload": {"text": "x" * 50_000}},
        {"payload": {"text": None, "status": "done"}},
    ]
    common = {
        "type": f"{domain}.changed",
        "stream": {"id": stream},
        "metadata": {"correlation_id": flow},
    }
    return [{"id": world.name("evt"), **common, **each} for each in payloads]


def reads_of(
    ids: list[str], domain: str, stream: str, flow: str
) -> list[tuple[str, dict[str, Any]]]:
    """Lists the reads that show the events of a stream, as paths and parameters."""
    of_stream = {"stream_id": stream}
    return [
        *((f"/events/{each}", {}) for each in ids),
        *((f"/events/{each}/trace", {}) for each in ids),
        *((f"/events/{each}/matches", {}) for each in ids),
        ("/events", {"type": f"{domain}.*"}),
        ("/events", {"correlation_id": flow}),
        ("/streams/events", of_stream),
        ("/streams/events", {**of_stream, "direction": "backward", "limit": 3}),
        ("/streams", {"category": domain}),
        ("/streams/head", of_stream),
        ("/streams/state", {**of_stream, "at_version": 2}),
        ("/streams/state", of_stream),
    ]


def test_every_route_reads_an_archived_stream(world: World, keeper: Client, domain: str) -> None:
    stream, flow = f"{domain}/task_1", world.name("flow")
    sent = events_of(world, domain, stream, flow)
    ids = keeper.publish_all(sent)
    eventually(lambda: all(keeper.event(each)["processed"] for each in ids))
    age(world, *ids)
    eventually(lambda: all(keeper.event(each)["processed"] for each in ids))
    reads = reads_of(ids, domain, stream, flow)

    def answers() -> list[Any]:
        found = [keeper.http.get(path, params=query) for path, query in reads]
        assert {each.status_code for each in found} == {200}
        return [each.json() for each in found]

    before = answers()
    places = archive(world, *ids)
    assert len({each.partition("/")[0] for each in places}) == 1
    assert "payload" not in item(world, ids[0])
    assert answers() == before
    # A repeated event is recognised.
    assert keeper.http.post("/events", json=sent[1]).status_code == 200
    problem(keeper.http.post("/events", json={**sent[0], "payload": {}}), 409)
    body = {"stream_id": stream, "events": [{k: v for k, v in sent[3].items() if k != "stream"}]}
    assert keeper.http.post("/streams/events", json=body).status_code == 200
    keeper.publish(f"{domain}.changed", {"status": "reopened"}, stream={"id": stream})
    assert keeper.bus.streams.state(stream).version == 5
    # A new subscriber receives the stream from its beginning, and so does a replay.
    receiver = world.receiver()
    begins = {"source": keeper.service_id, "id": stream, "from_version": 1}
    keeper.subscribe(receiver, f"{domain}.*", ordered=True, stream=begins)
    received = [each.event for each in receiver.wait_for(5)]
    assert [each["id"] for each in received[:4]] == ids
    assert received[2]["payload"] == sent[2]["payload"]
    replay = keeper.replayed(ids[2])
    assert replay["progress"]["events_unroutable"] == 0
    assert receiver.wait_for(6)[5].event["payload"] == sent[2]["payload"]
    # No event was routed again because its item changed.
    assert sorted(receiver.event_ids()[:5]) == sorted([*ids, received[4]["id"]])
