"""Registering publishers and subscriptions on the deployed bus."""

from typing import Any

import orjson
import pytest

from tests.end_to_end.problems import problem
from tests.end_to_end.world import Client, World

URL = "http://127.0.0.1:9/hook"


def test_a_publisher_is_registered_shown_and_removed(world: World) -> None:
    service_id = world.name("publisher")
    admin = world.admin.http
    body = {"service_id": service_id, "name": "One", "event_types": ["task.*", "a.b", "task.*"]}
    answer = admin.post("/publishers", json=body)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/publishers/{service_id}"
    key = answer.json()["authentication"]["api_key"]
    assert len(key) > 40
    assert answer.json()["event_types"] == ["task.*", "a.b"]
    document = problem(admin.post("/publishers", json=body), 409)
    assert document["errors"][0]["pointer"] == "/service_id"
    shown = admin.get(f"/publishers/{service_id}")
    assert shown.json() == {
        name: value for name, value in answer.json().items() if name != "authentication"
    }
    own = world.with_key(key)
    assert own.http.get(f"/publishers/{service_id}").status_code == 200
    assert [each["id"] for each in own.http.get("/publishers").json()["items"]] == [service_id]
    problem(own.http.delete(f"/publishers/{service_id}"), 403)
    assert admin.delete(f"/publishers/{service_id}").status_code == 204
    problem(admin.delete(f"/publishers/{service_id}"), 404)
    problem(admin.get(f"/publishers/{service_id}"), 404)


def test_a_publisher_chooses_its_key_and_it_is_kept_as_a_hash(world: World) -> None:
    service_id, domain = world.name("publisher"), world.name("task")
    key = f"chosen-key-of-{service_id}"
    body = {
        "service_id": service_id,
        "name": "One",
        "event_types": [f"{domain}.*"],
        "authentication": {"type": "api_key", "api_key": key},
    }
    answer = world.admin.http.post("/publishers", json=body)
    assert answer.status_code == 201
    assert "authentication" not in answer.json()
    world.with_key(key).publish(f"{domain}.created")
    # The key now identifies this service, and no other.
    other = {**body, "service_id": world.name("publisher")}
    document = problem(world.admin.http.post("/publishers", json=other), 409)
    assert document["errors"][0]["pointer"] == "/authentication/api_key"
    problem(world.admin.http.get(f"/publishers/{other['service_id']}"), 404)
    for name, table in world.bus.resources.items():
        if name.endswith("_table"):
            pages = world.bus.dynamodb.get_paginator("scan").paginate(TableName=table)
            assert key not in "".join(str(page["Items"]) for page in pages), name


INVALID_PUBLISHERS: list[tuple[dict[str, Any], str]] = [
    ({"service_id": "with space"}, "/service_id"),
    ({"service_id": ""}, "/service_id"),
    ({"service_id": "admin"}, "/service_id"),
    ({"event_types": []}, "/event_types"),
    ({"event_types": ["ok.fine", "task.cre*"]}, "/event_types/1"),
    ({"event_types": "task.*"}, "/event_types"),
    ({"name": "a\nb"}, "/name"),
    ({"authentication": {"api_key": "short"}}, "/authentication/api_key"),
    ({"authentication": {"type": "magic"}}, "/authentication/type"),
    ({"extra": 1}, "/extra"),
]


@pytest.mark.parametrize(("change", "pointer"), INVALID_PUBLISHERS)
def test_an_invalid_publisher_is_refused_at_its_fault(
    world: World, change: dict[str, Any], pointer: str
) -> None:
    body = {"service_id": "some_service", "name": "x", "event_types": ["a.b"], **change}
    document = problem(world.admin.http.post("/publishers", json=body), 422)
    assert [each["pointer"] for each in document["errors"]] == [pointer]
    assert "short" not in document["errors"][0]["detail"]


def test_only_an_admin_registers_publishers(world: World) -> None:
    body = {"service_id": world.name("publisher"), "name": "x", "event_types": ["*"]}
    problem(world.service().http.post("/publishers", json=body), 403)
    problem(world.anonymous().post("/publishers", json=body), 401)


def test_a_removed_publisher_publishes_no_more(world: World) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    assert world.admin.http.delete(f"/publishers/{publisher.service_id}").status_code == 204
    # Its key and its permission are gone; caches may still hold the key for some seconds.
    answer = publisher.http.post("/events", json={"type": f"{domain}.created", "payload": {}})
    assert answer.status_code in (401, 403)


def test_publishers_are_listed_in_pages(world: World) -> None:
    wanted = sorted(world.publisher("a.b").service_id for _ in range(5))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = world.admin.http.get("/publishers", params={"limit": "2", **cursor})
        page = answer.json()
        assert len(page["items"]) <= 2
        seen += [each["id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == sorted(set(seen))
    assert set(wanted) <= set(seen)
    other_key = world.service().http.get("/publishers", params=cursor)
    assert problem(other_key, 400)["errors"][0]["pointer"] == "cursor"


def test_a_service_manages_its_own_subscriptions(world: World) -> None:
    service, stranger = world.service(), world.service()
    made = service.subscribe(URL, "task.created", "task.*", filters={"task.*": {"a": [1]}})
    assert made["id"].startswith("sub_")
    assert made["service_id"] == service.service_id
    assert made["signing_secret"].startswith("whsec_")
    assert "authentication" not in made
    path = f"/subscriptions/{made['id']}"
    shown = service.http.get(path).json()
    once = ("signing_secret", "replay_id")
    assert shown == {name: value for name, value in made.items() if name not in once}
    for client in (stranger, world.with_key("ebk_unknown")):
        assert client.http.get(path).status_code in (401, 404)
    problem(stranger.http.get(path), 404)
    problem(stranger.http.patch(path, json={"name": "x"}), 404)
    problem(stranger.http.delete(path), 404)
    assert stranger.http.get("/subscriptions").json()["items"] == []
    listed = stranger.http.get("/subscriptions", params={"service_id": service.service_id})
    assert listed.json()["items"] == []

    changed = service.http.patch(path, json={"name": "new", "status": "disabled"}).json()
    assert changed == {
        **shown,
        "name": "new",
        "status": "disabled",
        "updated_at": changed["updated_at"],
    }
    assert changed["updated_at"] > shown["updated_at"]
    assert world.admin.http.get(path).json() == changed
    assert service.http.delete(path).status_code == 204
    problem(service.http.get(path), 404)
    problem(service.http.delete(path), 404)


def test_an_admin_registers_for_a_service(world: World) -> None:
    service_id = world.name("subscriber")
    body = {"name": "x", "event_types": ["a.b"], "callback_url": URL}
    document = problem(world.admin.http.post("/subscriptions", json=body), 422)
    assert document["errors"][0]["pointer"] == "/service_id"
    made = world.admin.subscribe(URL, "a.b", service_id=service_id)
    service = world.with_key(made["authentication"]["api_key"])
    assert service.http.get(f"/subscriptions/{made['id']}").status_code == 200
    again = world.admin.subscribe(URL, "a.c", service_id=service_id)
    assert "authentication" not in again
    chosen = f"chosen-by-{service_id}"
    world.admin.subscribe(URL, "a.d", service_id=service_id, authentication={"api_key": chosen})
    assert len(world.with_key(chosen).http.get("/subscriptions").json()["items"]) == 3


def test_a_service_does_not_register_for_another(world: World) -> None:
    body = {"name": "x", "service_id": "another", "event_types": ["a.b"], "callback_url": URL}
    document = problem(world.service().http.post("/subscriptions", json=body), 403)
    assert document["errors"][0]["pointer"] == "/service_id"


INVALID_SUBSCRIPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"callback_url": "ftp://example.org/x"}, "/callback_url"),
    ({"callback_url": "https://user:secret@example.org/"}, "/callback_url"),
    ({"callback_url": "https:///nohost"}, "/callback_url"),
    ({"callback_url": "not a url"}, "/callback_url"),
    ({"event_types": ["a..b"]}, "/event_types/0"),
    ({"filters": {"c.d": {"x": [1]}}}, "/filters/c.d"),
    ({"filters": {"a.b": {"x": 1}}}, "/filters/a.b/x"),
    ({"filters": {"detail": {"x": [1]}}}, "/filters/detail"),
    (
        {"filters": {"a.b": {"detail-type": ["a.b"], "detail": {"x": [1]}}}},
        "/filters/a.b/detail-type",
    ),
    ({"filters": {"x": 1}}, "/filters/x"),
    ({"filters": {"a.b": {"x": {"numeric": [">", 1]}}}}, "/filters/a.b/x"),
    ({"filters": {"a.b": {"x": [{"numeric": ["~", 1]}]}}}, "/filters/a.b/x/0/numeric"),
    ({"filters": {"a.b": {"x": [{"prefix": 5}]}}}, "/filters/a.b/x/0/prefix"),
    ({"filters": {"a.b": {"x/y": [{"surprise": 5}]}}}, "/filters/a.b/x~1y/0"),
    ({"filters": {"a.b": {"x": ["y" * 70_000]}}}, "/filters"),
]


@pytest.mark.parametrize(("change", "pointer"), INVALID_SUBSCRIPTIONS)
def test_an_invalid_subscription_is_refused_at_its_fault(
    world: World, change: dict[str, Any], pointer: str
) -> None:
    body = {
        "service_id": "some_service",
        "name": "x",
        "event_types": ["a.b"],
        "callback_url": URL,
        **change,
    }
    document = problem(world.admin.http.post("/subscriptions", json=body), 422)
    assert document["errors"][0]["pointer"].startswith(pointer)


def test_a_refused_change_changes_nothing(world: World) -> None:
    service = world.service()
    made = service.subscribe(URL, "a.b", filters={"a.b": {"x": [1]}})
    path = f"/subscriptions/{made['id']}"
    for change, pointer in (
        ({"event_types": ["c.d"]}, "/filters/a.b"),
        ({"name": None}, "/name"),
        ({"status": "asleep"}, "/status"),
        ({"id": "sub_other"}, "/id"),
        ([], ""),
    ):
        document = problem(service.http.patch(path, json=change), 422)
        assert document["errors"][0]["pointer"] == pointer
    assert service.http.get(path).json()["updated_at"] == made["updated_at"]


def test_subscriptions_are_listed_in_pages_and_filtered(world: World) -> None:
    domain, service = world.name("task"), world.service()
    made = [
        service.subscribe(URL, f"{domain}.{'created' if number % 2 else 'deleted'}")["id"]
        for number in range(5)
    ]
    service.bus.subscriptions.update(made[1], status="disabled")

    def listed(client: Client, **query: str) -> list[str]:
        return [each["id"] for each in client.bus.subscriptions.list(**query)]

    assert listed(service, limit="2") == made
    assert listed(service, event_type=f"{domain}.created") == [made[1], made[3]]
    assert listed(service, status="disabled", limit="1") == [made[1]]
    assert listed(world.admin, service_id=service.service_id, limit="3") == made
    assert listed(world.admin, event_type=f"{domain}.deleted") == made[::2]
    for query in ({"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"surprise": "1"}):
        document = problem(service.http.get("/subscriptions", params=query), 400)
        assert document["errors"][0]["pointer"] in query


def test_a_secret_is_shown_once(world: World) -> None:
    service = world.service()
    made = service.subscribe(URL, "a.b")
    secret = made["signing_secret"]
    for path in ("/subscriptions", f"/subscriptions/{made['id']}"):
        for client in (service, world.admin):
            assert secret not in client.http.get(path).text
    changes = world.bus.resources["changes_table"]
    pages = world.bus.dynamodb.get_paginator("scan").paginate(TableName=changes)
    assert secret not in orjson.dumps([page["Items"] for page in pages]).decode()


@pytest.mark.parametrize(
    "target", [{"type": "http"}, {"type": "sqs", "managed": True}, {"type": "pull"}], ids=str
)
def test_a_subscription_can_be_sent_back_as_it_is_shown(
    world: World, target: dict[str, Any]
) -> None:
    service = world.service()
    if target["type"] == "http":
        target = {**target, "url": world.receiver().url}
    policy = {"schedule": [1, 2, 3], "timeout": 5}
    made = service.subscribe(target, "task.*", retry_policy=policy)
    path = f"/subscriptions/{made['id']}"
    shown = service.http.get(path).json()
    writable = ("name", "event_types", "filters", "callback_url", "target", "delivery_guarantee")
    change = {name: shown[name] for name in (*writable, "retry_policy", "status")}
    answer = service.http.patch(path, json=change)
    assert answer.status_code == 200, answer.text
    assert {**answer.json(), "updated_at": None} == {**shown, "updated_at": None}


def test_a_fixed_member_is_refused_with_what_to_do_instead(world: World) -> None:
    service = world.service()
    made = service.subscribe(world.receiver(), "task.*")
    refused = service.http.patch(
        f"/subscriptions/{made['id']}", json={"ordered": True, "service_id": "x", "colour": 1}
    )
    said = {each["pointer"]: each["detail"] for each in problem(refused, 422)["errors"]}
    assert said == {
        "/ordered": "cannot be changed; register another subscription instead",
        "/service_id": "cannot be changed; register another subscription for the other service "
        "instead",
        "/colour": "is not a known member",
    }
