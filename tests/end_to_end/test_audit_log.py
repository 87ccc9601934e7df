"""The audit log shows who did what; a command verifies that nobody has changed it."""

import os
import subprocess
import sys
from typing import Any

import orjson
import pytest
from event_bus.model.audit_chain import next_block
from event_bus.stores.audit import AuditStore
from event_bus.stores.table import Table
from websockets.exceptions import InvalidStatus

from infra.built import ROOT
from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.socket_client import connected
from tests.end_to_end.world import Client, World

WRITTEN_WITHIN = 120


def entries(world: World, **filters: str) -> list[dict[str, Any]]:
    answer = world.admin.http.get("/audit-log", params=filters)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_changes_are_recorded(world: World) -> None:
    service = world.service()
    asked = {"event_types": ["a.b"], "target": {"type": "pull"}}
    made = service.http.post("/subscriptions", json=asked).json()
    assert service.http.delete(f"/subscriptions/{made['id']}").status_code == 204
    assert service.http.post("/subscriptions", json={"event_types": []}).status_code == 422
    assert service.http.post("/publishers", json={}).status_code == 403
    stranger = world.with_key(f"{service.key[:-1]}{'a' if service.key[-1] != 'a' else 'b'}")
    assert stranger.http.get("/events").status_code == 401

    def told() -> list[dict[str, Any]]:
        # The queue may deliver them in another order.
        found = entries(world, actor=service.service_id)
        return sorted(found, key=lambda each: str(each["timestamp"]), reverse=True)

    eventually(lambda: len(told()) >= 4, WRITTEN_WITHIN)
    assert [(each["action"], each["status"]) for each in told()] == [
        ("publisher.create", "denied"),
        ("subscription.create", "failure"),
        ("subscription.delete", "success"),
        ("subscription.create", "success"),
    ]
    last, _, deleted, first = told()
    assert first["resource"] == deleted["resource"] == made["id"]
    assert first["resource_type"] == "subscription"
    assert first["ip_address"]
    assert first["timestamp"] < deleted["timestamp"] < last["timestamp"]
    assert first["details"]["key_id"] == service.key.partition(".")[0]
    eventually(lambda: entries(world, actor="anonymous", action="event.list"), WRITTEN_WITHIN)
    made_by = {"action": "publisher.create", "resource": service.service_id}
    [created] = eventually(lambda: entries(world, **made_by), WRITTEN_WITHIN)
    assert created["actor"] == "admin"


def test_accepted_events_are_recorded(world: World) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    event_id = publisher.publish(f"{domain}.created", {"canary": "not-in-the-log"})
    filters = {"actor": publisher.service_id, "action": "event.publish"}
    [told] = eventually(lambda: entries(world, **filters), WRITTEN_WITHIN)
    assert told["details"] == {
        "key_id": publisher.key.partition(".")[0],
        "source": publisher.service_id,
        "event_type": f"{domain}.created",
        "event_ids": [event_id],
    }
    assert (told["resource"], bool(told["ip_address"])) == (event_id, True)


def test_an_entry_names_the_admin_that_published_for_a_service(world: World) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    sent = {"type": f"{domain}.created", "source": service.service_id, "payload": {}}
    event_id = world.admin.http.post("/events", json=sent).json()["id"]

    def told() -> list[dict[str, Any]]:
        found = entries(world, actor="admin", action="event.publish")
        return [each for each in found if event_id in each["details"]["event_ids"]]

    [entry] = eventually(told, WRITTEN_WITHIN)
    assert entry["details"]["source"] == service.service_id
    assert entry["ip_address"]
    assert entries(world, actor=service.service_id, action="event.publish") == []


def test_listeners_and_refused_connections_are_recorded(world: World) -> None:
    service = world.service()
    path = f"/publishers/{service.service_id}/keys"
    made = service.http.post(path, json={"scopes": ["read"]}).json()
    limited = made["authentication"]["api_key"]
    for key in (limited, None, "unknown"):
        with pytest.raises(InvalidStatus), connected(world.bus.websocket_url, key):
            pass
    assert service.http.get("/stream", params={"types": "a.b", "wait": "0"}).status_code == 200
    with connected(world.bus.websocket_url, service.key) as client:
        listening = client.subscribe(event_types=["a.b"])["subscription_id"]
        assert client.ask("subscribe", event_types=["no type"])["type"] == "error"

        def told(**filters: str) -> list[dict[str, Any]]:
            return entries(world, actor=service.service_id, **filters)

        def begun() -> list[dict[str, Any]]:
            return told(action="subscription.create", status="success")

        eventually(lambda: len(begun()) == 2, WRITTEN_WITHIN)
    routes = {each["details"]["route"]: each for each in begun()}
    assert routes.keys() == {"GET /stream", "$default"}
    assert routes["$default"]["resource"] == listening
    assert routes["GET /stream"]["resource"].startswith("sub_")
    assert all(each["ip_address"] and each["details"]["key_id"] for each in begun())
    [failed] = eventually(
        lambda: told(action="subscription.create", status="failure"), WRITTEN_WITHIN
    )
    assert failed["details"]["status_code"] == 422
    [denied] = eventually(lambda: told(action="websocket.connect"), WRITTEN_WITHIN)
    assert (denied["status"], denied["details"]["reason"]) == ("denied", "scope")
    assert denied["details"]["key_id"] == made["id"]
    strangers = {"actor": "anonymous", "action": "websocket.connect", "status": "denied"}
    eventually(lambda: len(entries(world, **strangers)) == 2, WRITTEN_WITHIN)
    reasons = {each["details"]["reason"] for each in entries(world, **strangers)}
    assert reasons == {"no_key", "bad_key"}


def test_an_entry_is_bounded_whatever_a_stranger_sends(world: World) -> None:
    # 44 entries of 9.3 KB would not fit into one item of the table.
    stranger = world.anonymous()
    for number in range(44):
        said = stranger.delete(f"/subscriptions/{'é' * 1_400}{number}")
        assert said.status_code == 401
    denied = {"actor": "anonymous", "action": "subscription.delete"}
    found = eventually(lambda: entries(world, **denied), WRITTEN_WITHIN)
    assert all(len(orjson.dumps(each)) < 1_000 for each in found)
    assert found[0]["resource"].startswith("é" * 100)


def test_an_unreadable_event_delays_no_entry(world: World) -> None:
    table = world.bus.resources["events_table"]
    key = {"id": {"S": world.name("evt")}}
    unreadable: dict[str, Any] = {**key, "type": {"N": "7"}, "expires_at": {"N": str(2**33)}}
    world.bus.dynamodb.put_item(TableName=table, Item=unreadable)
    try:
        domain = world.name("task")
        publisher = world.publisher(f"{domain}.*")
        publisher.publish(f"{domain}.created")
        filters = {"actor": publisher.service_id, "action": "event.publish"}
        eventually(lambda: entries(world, **filters), WRITTEN_WITHIN)
    finally:
        world.bus.dynamodb.delete_item(TableName=table, Key=key)


def test_only_admins_read_the_log_page_by_page(world: World) -> None:
    service = world.service()
    problem(service.http.get("/audit-log"), 403)
    problem(world.anonymous().get("/audit-log"), 401)
    said = problem(world.admin.http.get("/audit-log", params={"status": "x", "who": "y"}), 400)
    assert said["errors"][0]["pointer"] == "who"
    for _ in range(3):
        service.http.post("/stream-tokens")
    filters = {"actor": service.service_id, "action": "stream_token.create"}
    eventually(lambda: len(entries(world, **filters)) == 3, WRITTEN_WITHIN)
    seen: list[str] = []
    query = {**filters, "limit": "1"}
    while True:
        page = world.admin.http.get("/audit-log", params=query).json()
        seen += [each["id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == [each["id"] for each in entries(world, **filters)]
    assert len(set(seen)) == 3


def verified(world: World) -> tuple[int, str]:
    """Returns the command's output and exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "event_bus.audit", "--stage", "local"],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": "layers",
            "AWS_ENDPOINT_URL": world.bus.endpoint_url,
            "AWS_DEFAULT_REGION": world.bus.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def test_a_change_of_the_audit_log_is_found(world: World) -> None:
    def write(client: Client) -> None:
        count = len(list(store.backwards("operations", limit=1_000)))
        client.http.post("/stream-tokens")
        eventually(
            lambda: len(list(store.backwards("operations", limit=1_000))) > count, WRITTEN_WITHIN
        )

    table = world.bus.resources["audit_table"]
    store = AuditStore(Table(world.bus.dynamodb, table), 1)
    service = world.service()
    write(service)
    write(service)
    eventually(lambda: verified(world) == (0, "The audit log is as it was written.\n"))
    newest, before = store.backwards("operations", limit=2)
    keys: dict[int, dict[str, Any]] = {
        block.number: {"chain": {"S": block.chain}, "number": {"N": str(block.number)}}
        for block in (newest, before)
    }
    kept = {
        number: world.bus.dynamodb.get_item(TableName=table, Key=key)["Item"]
        for number, key in keys.items()
    }

    def put(item: dict[str, Any]) -> None:
        world.bus.dynamodb.put_item(TableName=table, Item=item)

    def faults() -> str:
        code, said = verified(world)
        assert code == 1, said
        return said

    # Somebody edits an entry, and computes its hash again.
    put({**kept[before.number], "entries": {"S": "[]"}})
    assert f"operations {before.number}: its content was changed" in faults()
    forged = next_block("operations", None, before.at, [{"id": "x"}])
    put({**kept[before.number], "entries": {"S": '[{"id":"x"}]'}, "hash": {"S": forged.hash}})
    assert f"operations {before.number}:" in faults()
    put(kept[before.number])
    # Somebody takes one out of the middle, or cuts off the end.
    world.bus.dynamodb.delete_item(TableName=table, Key=keys[before.number])
    assert f"operations {before.number}: the block is missing" in faults()
    put(kept[before.number])
    world.bus.dynamodb.delete_item(TableName=table, Key=keys[newest.number])
    assert f"operations {newest.number}: the block is missing" in faults()
    # Somebody exchanges two blocks.
    for one, other in ((newest, before), (before, newest)):
        put({**kept[other.number], "number": {"N": str(one.number)}})
    assert f"operations {newest.number}: its content was changed" in faults()
    for item in kept.values():
        put(item)
    assert verified(world)[0] == 0
