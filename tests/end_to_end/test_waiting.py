"""Waiting requests occupy functions, so their number is limited for each service."""

import time

from event_bus.inbox.waiting import WINDOW_SECONDS

from tests.end_to_end.world import Client, World


def _inbox(world: World, service: Client) -> str:
    subscription_id = service.pull(f"{world.name('task')}.*")
    return f"/subscriptions/{subscription_id}/events"


def _counter(service: Client, windows: int = 0) -> dict[str, dict[str, str]]:
    """Returns the key of a service's counter in this window, or some windows later."""
    window = int(time.time() // WINDOW_SECONDS) + windows
    return {"id": {"S": f"waits#{service.service_id}#{window}"}}


def test_one_request_too_many_may_not_wait(world: World) -> None:
    service, other = world.service(), world.service()
    path, beside = _inbox(world, service), _inbox(world, other)
    dynamodb, table = world.bus.dynamodb, world.bus.resources["limits_table"]
    # A request that waits is counted, and one that does not is not.
    assert service.http.get(path).status_code == 200
    before = [_counter(service), _counter(service, 1)]
    assert not any(dynamodb.get_item(TableName=table, Key=key).get("Item") for key in before)
    assert service.http.get(path, params={"wait": 2}).status_code == 200
    assert any(dynamodb.get_item(TableName=table, Key=key).get("Item") for key in before)
    # The permitted number of requests waits, in this window and in the next ones.
    for windows in range(4):
        dynamodb.update_item(
            TableName=table,
            Key=_counter(service, windows),
            UpdateExpression="ADD requests :many",
            ExpressionAttributeValues={":many": {"N": "100000"}},
        )
    for where in (path, path.replace("/events", "/stream")):
        refused = service.http.get(where, params={"wait": 20, "cursor": "0"})
        assert refused.status_code == 429, refused.text
        assert 1 <= int(refused.headers["retry-after"]) <= WINDOW_SECONDS
        assert refused.json()["type"].endswith("too-many-requests")
        assert "requests that wait" in refused.json()["detail"]
    # Requests that do not wait are answered, and so are those of another service.
    assert service.http.get(path).status_code == 200
    assert other.http.get(beside, params={"wait": 1}).status_code == 200
