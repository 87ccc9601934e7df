"""A service can neither see nor use the resources of another."""

from typing import Any

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World


def caused_by(cause_id: str, client: Client, event_type: str) -> dict[str, Any]:
    """The metadata of an event that a service publishes as caused by another event."""
    event_id = client.publish(event_type, metadata={"causation_id": cause_id})
    metadata: dict[str, Any] = client.event(event_id)["metadata"]
    return {name: metadata.get(name) for name in ("correlation_id", "hop_count")}


def test_an_invisible_cause_reveals_nothing(world: World) -> None:
    domain, own = world.name("order"), world.name("other")
    shop, outsider = world.publisher(f"{domain}.*"), world.publisher(f"{own}.*")
    first = shop.publish(f"{domain}.placed", metadata={"correlation_id": "cart"})
    second = shop.publish(f"{domain}.paid", metadata={"causation_id": first})
    nothing = {"correlation_id": None, "hop_count": 1}
    assert caused_by(second, outsider, f"{own}.a") == nothing
    assert caused_by("evt_none", outsider, f"{own}.a") == nothing
    # A receiver of the cause continues its flow, even before the routing is recorded.
    receiver = world.receiver()
    outsider.subscribe(receiver, f"{domain}.*")
    third = shop.publish(f"{domain}.sent", metadata={"causation_id": second})
    eventually(lambda: receiver.requests)
    assert caused_by(third, outsider, f"{own}.a") == {"correlation_id": "cart", "hop_count": 3}


def test_each_source_has_its_own_stream_of_an_id(world: World) -> None:
    domain = world.name("task")
    one, other = world.publisher(f"{domain}.*"), world.publisher(f"{domain}.*")
    receiver = world.receiver()
    one.subscribe(receiver, f"{domain}.*", ordered=True)
    stream = {"metadata": {"stream_id": f"{domain}/1"}}
    sent = [
        (client, client.publish(f"{domain}.moved", **stream)) for client in (one, other, other, one)
    ]
    versions = [
        (client.service_id, client.event(event_id)["metadata"]["stream_version"])
        for client, event_id in sent
    ]
    assert versions == [
        *((one.service_id, 1), (other.service_id, 1)),
        *((other.service_id, 2), (one.service_id, 2)),
    ]
    eventually(lambda: len(receiver.requests) == 4)
    for client in (one, other):
        received = [
            each.event["metadata"]["stream_version"]
            for each in receiver.requests
            if each.event["source"] == client.service_id
        ]
        assert received == [1, 2]


def test_an_id_that_begins_with_a_services_name_belongs_to_it(world: World) -> None:
    domain = world.name("order")
    shop, other = world.publisher(f"{domain}.*"), world.publisher(f"{domain}.*")
    event = {"id": f"{shop.service_id}:1", "type": f"{domain}.placed", "payload": {}}
    refused = problem(other.http.post("/events", json=event), 403)
    assert [each["pointer"] for each in refused["errors"]] == ["/id"]
    assert shop.http.post("/events", json=event).status_code == 202
    # The answer is the same, whether the event exists or not.
    again = problem(other.http.post("/events", json=event), 403)
    assert again["detail"] == refused["detail"]
    replaced = {**event, "source": shop.service_id, "payload": {"by": "an admin"}}
    assert problem(world.admin.http.post("/events", json=replaced), 409)
    # The first publisher of any other id owns it.
    plain = {**event, "id": f"{domain}-1"}
    assert shop.http.post("/events", json=plain).status_code == 202
    assert problem(other.http.post("/events", json=plain), 409)
