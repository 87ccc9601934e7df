"""Schemas are registered, shown, changed and deleted over HTTP."""

from typing import Any

import orjson
import pytest
from event_bus.model import schemas as model
from event_bus.model.metrics import MetricTotals, Observation
from event_bus.stores.event_items import from_item
from event_bus.stores.metrics import MetricStore

from tests.builders import AN_ADMIN, service
from tests.handlers import FunctionAnswer, Functions

TYPE = "task.created"
TITLE = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
    "additionalProperties": False,
}
WITH_DUE = {**TITLE, "properties": {**TITLE["properties"], "due": {"type": "string"}}}  # type: ignore[dict-item]
PLANNER = service("planner")


@pytest.fixture
def bus(functions: Functions) -> Functions:
    for name, types in (("planner", ["task.*"]), ("shop", ["order.placed"])):
        body = {"service_id": name, "event_types": types}
        assert functions.request("registry", "POST /publishers", AN_ADMIN, body).status == 201
    return functions


def ask(
    bus: Functions, key: str, body: Any = None, caller: Any = PLANNER, **parameters: str
) -> FunctionAnswer:
    where = {"type": TYPE, **parameters}
    return bus.request("registry", key, caller, body, parameters=where)


def register(bus: Functions, schema: Any, caller: Any = PLANNER, **more: Any) -> FunctionAnswer:
    body = {"schema": schema, **more}
    return ask(bus, "POST /schemas/{type}/versions", body, caller)


def places(answer: FunctionAnswer) -> list[str]:
    assert answer.status == 422, answer.body
    return [each["pointer"] for each in answer.body["errors"]]


def test_versions_are_numbered_and_repeated_ones_known(bus: Functions) -> None:
    first = register(bus, TITLE, example={"title": "a"})
    assert (first.status, first.body["version"]) == (201, 1)
    assert first.headers["location"] == f"/schemas/{TYPE}/versions/1"
    again = register(bus, TITLE, example={"title": "a"})
    assert (again.status, again.body) == (200, first.body)

    second = register(bus, WITH_DUE)
    assert (second.status, second.body["version"]) == (201, 2)
    shown = ask(bus, "GET /schemas/{type}")
    assert shown.body["versions"] == [1, 2]
    assert (shown.body["owner"], shown.body["latest_version"]) == ("planner", 2)
    for number, schema in (("1", TITLE), ("latest", WITH_DUE)):
        version = ask(bus, "GET /schemas/{type}/versions/{version}", version=number)
        assert version.body["schema"] == schema


def test_a_registered_version_is_an_event_of_the_bus(bus: Functions) -> None:
    register(bus, TITLE)
    register(bus, TITLE)
    register(bus, WITH_DUE, AN_ADMIN)

    found = bus.aws.dynamodb.scan(TableName=bus.aws.tables["events"])["Items"]
    told = sorted(
        (from_item(item) for item in found),
        key=lambda each: orjson.loads(each.payload or b"")["version"],
    )
    assert [(each.type, each.metadata["audience"]) for each in told] == [
        ("eventbus.schema.registered", "planner")
    ] * 2
    assert [orjson.loads(each.payload or b"") for each in told] == [
        {"type": TYPE, "version": version, "registered_by": by}
        for version, by in ((1, "planner"), (2, "admin"))
    ]


def test_a_breaking_change_is_refused_with_its_place(bus: Functions) -> None:
    register(bus, TITLE)

    assert places(register(bus, {**TITLE, "required": ["title", "due"]})) == ["/schema/required"]
    changed = ask(bus, "PATCH /schemas/{type}", {"compatibility": "none"})
    assert changed.body["compatibility"] == "none"
    assert register(bus, {**TITLE, "required": ["title", "due"]}).status == 201


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "/schema"),
        ({"schema": 5}, "/schema"),
        ({"schema": {"type": "strin"}}, "/schema/type"),
        ({"schema": {"$ref": "https://example.com"}}, "/schema/$ref"),
        ({"schema": TITLE, "example": {"title": 5}}, "/example/title"),
        ({"schema": TITLE, "example": 5}, "/example"),
        ({"schema": TITLE, "upcast": "$"}, "/upcast"),
        ({"schema": True, "example": {"a": "b" * 20_000}}, "/example"),
        ({"schema": TITLE, "more": 1}, "/more"),
    ],
)
def test_a_bad_registration_is_refused_with_its_place(
    bus: Functions, body: Any, place: str
) -> None:
    assert places(ask(bus, "POST /schemas/{type}/versions", body)) == [place]
    assert ask(bus, "GET /schemas/{type}").status == 404


def test_an_expression_is_tried_with_the_example_before(bus: Functions) -> None:
    register(bus, TITLE, example={"title": "a"})

    assert places(register(bus, WITH_DUE, upcast="{ bad")) == ["/upcast"]
    wrong = register(bus, WITH_DUE, upcast='{"title": 5}')
    assert places(wrong) == ["/upcast"]
    assert "/title must be of the type string" in wrong.body["errors"][0]["detail"]
    good = register(bus, WITH_DUE, upcast='$merge([$, {"due": "soon"}])')
    assert (good.status, good.body["upcast"]) == (201, '$merge([$, {"due": "soon"}])')


def test_only_publishers_of_a_type_register_its_schema(bus: Functions) -> None:
    refused = register(bus, TITLE, service("shop"))
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (403, "type")
    assert register(bus, TITLE, service("nobody")).status == 403
    assert register(bus, TITLE, AN_ADMIN).status == 201
    own = ask(bus, "POST /schemas/{type}/versions", {"schema": True}, AN_ADMIN, type="eventbus.x")
    assert own.status == 403
    bad = ask(bus, "POST /schemas/{type}/versions", {"schema": True}, AN_ADMIN, type="a b")
    assert bad.status == 422


def test_a_service_that_may_receive_a_type_sees_its_schema(bus: Functions) -> None:
    register(bus, TITLE)
    reader = service("reader")
    assert ask(bus, "GET /schemas/{type}", caller=reader).status == 200

    grant = {"event_types": ["order.*"]}
    where = {"parameters": {"id": "reader"}}
    assert bus.request("registry", "PUT /subscribers/{id}", AN_ADMIN, grant, **where).status == 201
    assert ask(bus, "GET /schemas/{type}", caller=reader).status == 404
    assert ask(bus, "GET /event-types/{type}", caller=reader).status == 404
    assert ask(bus, "GET /schemas", caller=reader).body["items"] == []
    types = ask(bus, "GET /event-types", caller=reader).body["items"]
    assert [each["type"] for each in types] == ["order.placed"]


def test_a_deleted_version_is_gone_and_its_number_too(bus: Functions) -> None:
    register(bus, TITLE)
    register(bus, WITH_DUE)
    delete = "DELETE /schemas/{type}/versions/{version}"
    assert ask(bus, delete, version="2").status == 204
    assert ask(bus, delete, version="2").status == 404
    assert ask(bus, delete, version="x").status == 404

    assert ask(bus, "GET /schemas/{type}/versions/{version}", version="2").status == 404
    latest = ask(bus, "GET /schemas/{type}/versions/{version}", version="latest")
    assert latest.body["version"] == 1
    assert register(bus, WITH_DUE).body["version"] == 3


def test_versions_and_types_are_bounded(bus: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    from event_bus.registry import schemas  # noqa: PLC0415

    monkeypatch.setattr(schemas, "MAX_VERSIONS", 1)
    monkeypatch.setattr(schemas, "MAX_TYPES", 1)
    register(bus, TITLE)

    assert register(bus, WITH_DUE).status == 409
    other = ask(bus, "POST /schemas/{type}/versions", {"schema": True}, type="task.other")
    assert other.status == 409


def test_versions_are_paged_through(bus: Functions) -> None:
    ask(bus, "PATCH /schemas/{type}", {"compatibility": "none"})
    for number in range(5):
        register(bus, {"const": number})
        ask(bus, "PATCH /schemas/{type}", {"compatibility": "none"})
    seen: list[int] = []
    query: dict[str, Any] = {"limit": "2"}
    for _ in range(3):
        key = "GET /schemas/{type}/versions"
        page = bus.request("registry", key, PLANNER, parameters={"type": TYPE}, query=query)
        seen += [each["version"] for each in page.body["items"]]
        query["cursor"] = page.body["next_cursor"]
    assert (seen, query["cursor"]) == ([1, 2, 3, 4, 5], None)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"validation": "maybe"}, "/validation"),
        ({"validation": None}, "/validation"),
        ({"compatibility": "sideways"}, "/compatibility"),
        ({"versions": []}, "/versions"),
        ({"description": ""}, "/description"),
    ],
)
def test_a_bad_change_is_refused_with_its_place(bus: Functions, change: Any, place: str) -> None:
    register(bus, TITLE)
    assert places(ask(bus, "PATCH /schemas/{type}", change)) == [place]


def test_settings_are_changed_by_who_publishes_the_type(bus: Functions) -> None:
    assert ask(bus, "PATCH /schemas/{type}", {"validation": "warn"}).status == 404
    register(bus, TITLE)
    assert ask(bus, "PATCH /schemas/{type}", {}, service("shop")).status == 403

    change = {"validation": "warn", "description": "A task was made."}
    changed = ask(bus, "PATCH /schemas/{type}", change)
    assert (changed.body["validation"], changed.body["description"]) == tuple(change.values())
    assert ask(bus, "PATCH /schemas/{type}", {"description": None}).body["description"] is None


def test_the_catalogue_shows_types_with_who_publishes_and_receives_them(bus: Functions) -> None:
    register(bus, TITLE, example={"title": "a"})
    for name, types in (("reader", ["task.*"]), ("other", ["*"]), ("stranger", ["order.*"])):
        body = {"event_types": types, "callback_url": "https://worker.example/events"}
        assert bus.request("registry", "POST /subscriptions", service(name), body).status == 201

    counted = MetricTotals()
    for source in ("shop", "planner", "planner", "other"):
        counted.add(Observation("published", TYPE, source, 0.0))
    MetricStore(bus.aws.table("metrics")).add("b", {"2026-05-01T12:00": counted})
    page = ask(bus, "GET /event-types", caller=AN_ADMIN).body["items"]
    assert [each["events"] for each in page] == [0, 2]
    assert [(each["type"], each["owner"], each["latest_version"]) for each in page] == [
        ("order.placed", "shop", None),
        (TYPE, "planner", 1),
    ]
    assert [(each["publishers"], each["subscriptions"]) for each in page] == [(1, 2), (1, 2)]
    found = ask(bus, "GET /event-types/{type}", caller=service("reader")).body
    assert (found["schema"], found["example"]) == (TITLE, {"title": "a"})
    assert found["publisher_ids"] == ["planner"]
    # It learns nothing about the subscriptions of others.
    assert [each["service_id"] for each in found["receivers"]] == ["reader"]
    assert ask(bus, "GET /event-types/{type}", type="task.unknown").status == 404


def test_the_bounds_are_those_that_are_documented() -> None:
    assert (model.MAX_VERSIONS, model.MAX_TYPES) == (100, 1_000)


@pytest.mark.parametrize(
    "key",
    [
        "GET /schemas/{type}",
        "GET /schemas/{type}/versions",
        "GET /schemas/{type}/versions/{version}",
        "DELETE /schemas/{type}/versions/{version}",
    ],
)
@pytest.mark.parametrize("name", ["task created", "task.*", "\x06", "x" * 128, ""])
def test_an_invalid_event_type_has_no_schemas(bus: Functions, key: str, name: str) -> None:
    answer = ask(bus, key, caller=AN_ADMIN, type=name, version="1")
    assert (answer.status, answer.body["type"]) == (404, "urn:event-bus:problem:not-found")
