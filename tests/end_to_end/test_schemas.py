"""Schemas of event types: registered, checked at publish, shown in the catalogue."""

from typing import Any

import pytest

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World

TITLE: dict[str, Any] = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
    "additionalProperties": False,
}


@pytest.fixture
def planner(world: World) -> Client:
    return world.publisher(f"{world.name('plan')}.*")


@pytest.fixture
def event_type(planner: Client) -> str:
    publisher = planner.bus.publishers.get(planner.service_id)
    return str(publisher["event_types"][0]).replace("*", "made")


def register(client: Client, event_type: str, schema: Any, **more: Any) -> dict[str, Any]:
    return client.bus.schemas.register(event_type, schema, **more)


def validate(client: Client, event_type: str, validation: str) -> None:
    client.bus.schemas.update(event_type, validation=validation)


def refused(client: Client, event_type: str, payload: Any) -> dict[str, Any] | None:
    """Waits until every cached schema is current; returns the problem of an event."""
    answer = client.http.post("/events", json={"type": event_type, "payload": payload})
    return None if answer.status_code == 202 else problem(answer, 422)


def test_a_payload_that_its_schema_does_not_permit_is_refused(
    planner: Client, event_type: str
) -> None:
    register(planner, event_type, TITLE)
    validate(planner, event_type, "enforce")

    found = eventually(lambda: refused(planner, event_type, {"title": 5, "more": 1}))
    assert sorted(each["pointer"] for each in found["errors"]) == [
        "/payload/more",
        "/payload/title",
    ]
    batch = [{"type": event_type, "payload": each} for each in ({"title": "a"}, {})]
    results = planner.http.post("/events", json=batch).json()["results"]
    assert [each["status"] for each in results] == [202, 422]
    stored = planner.event(results[0]["id"])
    assert stored["schema"] == {"version": 1, "valid": True}


def test_a_warning_is_answered_and_the_event_stored(planner: Client, event_type: str) -> None:
    register(planner, event_type, TITLE)
    validate(planner, event_type, "warn")

    def warned() -> dict[str, Any] | None:
        answer = planner.http.post("/events", json={"type": event_type, "payload": {}})
        assert answer.status_code == 202
        document: dict[str, Any] = answer.json()
        return document if "warnings" in document else None

    accepted = eventually(warned)
    assert accepted["warnings"] == [{"pointer": "/payload/title", "detail": "is required"}]
    assert planner.event(accepted["id"])["schema"] == {"version": 1, "valid": False}


def test_a_breaking_version_is_refused_with_its_place(planner: Client, event_type: str) -> None:
    register(planner, event_type, TITLE)

    stricter = {**TITLE, "properties": {"title": {"type": "string", "maxLength": 3}}}
    answer = planner.http.post(f"/schemas/{event_type}/versions", json={"schema": stricter})
    [fault] = problem(answer, 422)["errors"]
    assert fault["pointer"] == "/schema/properties/title/maxLength"
    assert "version 1" in fault["detail"]
    # The library decides what the rules cannot.
    union = {**TITLE, "properties": {"title": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}
    assert register(planner, event_type, union)["version"] == 2


def test_a_schema_that_would_take_long_is_refused_at_once(planner: Client, event_type: str) -> None:
    definitions: dict[str, Any] = {
        f"d{each}": {"anyOf": [{"$ref": f"#/$defs/d{each + 1}"}] * 2} for each in range(40)
    }
    hostile = {"$defs": {**definitions, "d40": {}}, "$ref": "#/$defs/d0"}
    for schema in (hostile, {"$ref": "http://169.254.169.254/"}, {"pattern": "(a+)+(?=b)"}):
        asked = {"schema": schema}
        problem(planner.http.post(f"/schemas/{event_type}/versions", json=asked), 422)
    problem(planner.http.get(f"/schemas/{event_type}"), 404)


def test_the_catalogue_and_asyncapi_show_the_type(
    world: World, planner: Client, event_type: str
) -> None:
    register(planner, event_type, TITLE, example={"title": "a"})
    found = world.service().http.get(f"/event-types/{event_type}").json()
    assert (found["schema"], found["example"]) == (TITLE, {"title": "a"})
    assert (found["owner"], found["publisher_ids"]) == (planner.service_id, [planner.service_id])

    document = planner.bus.event_types.asyncapi()
    assert document["asyncapi"] == "3.0.0"
    assert document["channels"][event_type]["address"] == event_type


def test_registrations_of_schemas_are_in_the_audit_log(
    world: World, planner: Client, event_type: str
) -> None:
    register(planner, event_type, TITLE)

    def entries() -> list[dict[str, Any]]:
        listing = world.admin.bus.listing
        return list(listing("/audit-log", action="schema.create", resource=event_type))

    [entry] = eventually(entries)
    assert (entry["actor"], entry["resource_type"]) == (planner.service_id, "schema")


SPLIT = {
    "type": "object",
    "properties": {"first": {"type": "string"}, "last": {"type": "string"}},
    "required": ["first", "last"],
}
UPCAST = '{"first": $substringBefore(title, " "), "last": $substringAfter(title, " ")}'


def test_a_subscription_receives_older_events_in_its_version(
    world: World, planner: Client, event_type: str
) -> None:
    register(planner, event_type, TITLE, example={"title": "Ada Lovelace"})
    planner.bus.schemas.update(event_type, compatibility="none")
    register(planner, event_type, SPLIT, upcast=UPCAST)
    receiver = world.receiver()
    subscription = planner.subscribe(receiver, event_type, schema_version=2)
    assert subscription["schema_version"] == 2
    inbox = planner.pull(event_type, schema_version=2)

    def old() -> str | None:
        more = {"metadata": {"version": "1.0"}}
        event_id = planner.publish(event_type, {"title": "Ada Lovelace"}, **more)
        return event_id if planner.event(event_id)["schema"] else None

    event_id = eventually(old)
    planner.settled(event_id, subscription["id"], "delivered")
    delivered = receiver.wait_for_event(event_id).event
    assert delivered["payload"] == {"first": "Ada", "last": "Lovelace"}
    assert delivered["metadata"]["version"] == "2"

    def fetched() -> dict[str, Any] | None:
        items = planner.waiting(inbox)
        found = [each["event"] for each in items if each["event"]["id"] == event_id]
        return found[0] if found else None

    assert eventually(fetched)["payload"] == {"first": "Ada", "last": "Lovelace"}
    assert planner.event(event_id)["payload"] == {"title": "Ada Lovelace"}
    read = planner.http.get(f"/events/{event_id}", params={"schema_version": "2"}).json()
    assert read["payload"] == {"first": "Ada", "last": "Lovelace"}
    planner.bus.subscriptions.delete(inbox)


def test_an_event_that_cannot_be_upcast_is_a_dead_letter_at_once(
    world: World, planner: Client, event_type: str
) -> None:
    register(planner, event_type, True)
    register(planner, event_type, {}, upcast="$error('no')")
    subscription = planner.subscribe(world.receiver(), event_type, schema_version=2)

    def old() -> str | None:
        event_id = planner.publish(event_type, {}, metadata={"version": "1"})
        return event_id if planner.event(event_id)["schema"] else None

    event_id = eventually(old)
    delivery = planner.settled(event_id, subscription["id"], "exhausted")
    assert (delivery["attempts"], delivery["last_error"]["code"]) == (1, "upcast_failed")


def test_a_schema_is_drafted_from_published_events(
    world: World, planner: Client, event_type: str
) -> None:
    for payload in ({"title": "a", "due": "2026-05-01"}, {"title": "b"}):
        planner.publish(event_type, payload)

    def drafts(client: Client) -> list[dict[str, Any]]:
        return list(client.bus.listing("/schema-drafts", type=event_type))

    def drafted() -> dict[str, Any] | None:
        items = drafts(planner)
        return items[0] if items and items[0]["events"] == 2 else None

    draft = eventually(drafted)
    assert draft["schema"] == {
        "type": "object",
        "properties": {"due": {"type": "string", "format": "date"}, "title": {"type": "string"}},
        "required": ["title"],
    }
    assert drafts(world.service()) == []
    register(planner, event_type, draft["schema"])
    assert drafts(planner) == []
