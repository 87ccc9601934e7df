"""What the API shows is what is known, without secrets."""

from dataclasses import replace

import jsonschema_rs
import orjson
from event_bus.api import documents
from event_bus.api.openapi import read_document
from event_bus.querying.event_finder import Found

from tests.builders import NOON, SECRET, delivery, event, publisher, routing, subscription


def as_json(document: object, of: str) -> dict[str, object]:
    """The document as it is sent; it must be what the API describes."""
    sent: dict[str, object] = orjson.loads(orjson.dumps(document))
    schema = {
        "$ref": f"#/components/schemas/{of}",
        "components": read_document()["components"],
    }
    jsonschema_rs.validator_for(schema).validate(sent)
    return sent


def test_an_event_in_a_list() -> None:
    made = event(payload={"a": 1})
    shown = as_json(documents.event_summary(Found(made, None)), "EventSummary")
    assert shown["payload"] == {"a": 1}
    assert shown["payload_bytes"] == 7
    assert shown["processed"] is False
    assert documents.event_summary(Found(made, routing()))["processed"] is True


def test_a_large_payload_is_null_in_a_list() -> None:
    shown = documents.event_summary(Found(replace(event(), payload=None), None))
    assert as_json(shown, "EventSummary")["payload"] is None


def test_an_event_shows_all_whom_it_matched() -> None:
    failed = replace(delivery("retrying", subscription_id="sub_2"), service_id="b")
    found = Found(event(), routing(sub_1="a", sub_2="b"), (failed,))
    shown = as_json(documents.event_document(found), "Event")
    assert shown["deliveries"] == [
        {
            "subscription_id": "sub_1",
            "service_id": "a",
            "status": "pending",
            "attempts": 0,
            "last_error": None,
            "delivered_at": None,
        },
        {
            "subscription_id": "sub_2",
            "service_id": "b",
            "status": "retrying",
            "attempts": 1,
            "last_error": {"code": "timeout", "message": "too late"},
            "delivered_at": None,
        },
    ]


def test_a_delivery_is_shown_even_before_the_routing_is_recorded() -> None:
    shown = documents.event_document(Found(event(), None, (delivery(),)))
    assert [each["status"] for each in shown["deliveries"]] == ["delivered"]
    assert shown["processed"] is False


def test_an_event_was_updated_when_it_last_changed() -> None:
    made = replace(event(), created_at="2026-05-01T12:00:00.000Z")
    routed = replace(routing(), routed_at="2026-05-01T12:00:01.000Z")
    delivered = replace(delivery(), updated_at="2026-05-01T12:00:02.000Z")
    for found, updated_at in (
        (Found(made, None), made.created_at),
        (Found(made, routed), routed.routed_at),
        (Found(made, routed, (delivered,)), delivered.updated_at),
    ):
        assert documents.event_document(found)["updated_at"] == updated_at


def test_a_publisher_shows_its_key_once() -> None:
    assert "authentication" not in as_json(documents.publisher_document(publisher()), "Publisher")
    shown = as_json(documents.publisher_document(publisher(), "the-key"), "CreatedPublisher")
    assert shown["authentication"] == {"type": "api_key", "api_key": "the-key"}
    assert shown["id"] == "planner"


def test_a_subscription_shows_its_secret_once() -> None:
    shown = as_json(documents.subscription_document(subscription()), "Subscription")
    assert SECRET not in str(shown)
    assert shown["created_at"] == NOON
    created = documents.created_subscription_document(subscription(), None)
    assert as_json(created, "CreatedSubscription")["signing_secret"] == SECRET
    assert "authentication" not in created
