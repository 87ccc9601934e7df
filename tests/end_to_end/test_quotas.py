"""The quotas of a service for subscriptions and listeners."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.settings import DeploymentSettings
from tests.end_to_end.problems import problem
from tests.end_to_end.socket_client import connected
from tests.end_to_end.world import World

MOST = DeploymentSettings().service_subscriptions
LISTENERS = DeploymentSettings().service_listeners
ASKED = {"event_types": ["a.b"], "target": {"type": "pull"}}


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


def counted(world: World, service_id: str, **counts: int) -> None:
    """Sets the counted number of a service's subscriptions."""
    world.bus.dynamodb.update_item(
        TableName=world.bus.resources["changes_table"],
        Key={"log": {"S": f"subscriptions of {service_id}"}, "version": {"N": "0"}},
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in counts),
        ExpressionAttributeValues={f":{name}": {"N": str(n)} for name, n in counts.items()},
    )


def test_a_service_reaches_its_quota_of_subscriptions(
    world: World, threads: ThreadPoolExecutor
) -> None:
    service = world.service()
    first = service.pull("a.b")
    counted(world, service.service_id, subscriptions=MOST - 2)
    asked = [threads.submit(service.http.post, "/subscriptions", json=ASKED) for _ in range(4)]
    assert Counter(each.result().status_code for each in asked) == {201: 2, 409: 2}
    for client, members in (
        (service, ASKED),
        (world.admin, {**ASKED, "service_id": service.service_id}),
    ):
        refused = problem(client.http.post("/subscriptions", json=members), 409)
        assert f"has {MOST} subscriptions" in refused["detail"]
    # Listeners and other services are counted separately.
    assert service.http.get("/stream", params={"types": "a.b", "wait": "0"}).status_code == 200
    world.service().pull("a.b")
    service.bus.subscriptions.delete(first)
    service.pull("a.b")


def test_the_quota_of_listeners_is_not_exceeded(world: World) -> None:
    service = world.service()
    query = {"types": "a.b", "wait": "0"}
    assert service.http.get("/stream", params=query).status_code == 200
    counted(world, service.service_id, listeners=LISTENERS - 1)
    with connected(world.bus.websocket_url, key=service.key) as socket:
        name = socket.subscribe(event_types=["a.b"])["subscription_id"]
        refused = problem(service.http.get("/stream", params=query), 409)
        assert f"has {LISTENERS} listeners" in refused["detail"]
        socket.send(action="subscribe", event_types=["a.b"])
        assert socket.receive()["error"]["status"] == 409
        socket.send(action="unsubscribe", subscription_id=name)
        assert socket.receive()["type"] == "unsubscribed"
        assert service.http.get("/stream", params=query).status_code == 200
    service.pull("a.b")


def test_services_of_an_earlier_release_are_counted(world: World) -> None:
    service = world.service()
    made = [service.pull("a.b") for _ in range(2)]
    world.bus.dynamodb.delete_item(
        TableName=world.bus.resources["changes_table"],
        Key={"log": {"S": f"subscriptions of {service.service_id}"}, "version": {"N": "0"}},
    )
    # A service continues to exist with subscriptions that were not counted.
    world.admin.bus.publishers.delete(service.service_id)
    service.bus.subscriptions.delete(made[0])
    assert len(list(service.bus.subscriptions.list())) == 1
    service.bus.subscriptions.delete(made[1])
    assert problem(world.admin.http.get(f"/subscribers/{service.service_id}/keys"), 404)
