"""What the API shows is what is known, without secrets."""

from dataclasses import replace

import jsonschema_rs
import orjson
import pytest
from event_bus import paging
from event_bus.api.documents.deliveries import dead_letter_document
from event_bus.api.documents.events import event_document, event_summary
from event_bus.api.documents.replays import replay_document
from event_bus.api.documents.services import created_publisher_document, publisher_document
from event_bus.api.documents.subscriptions import (
    created_subscription_document,
    subscription_document,
)
from event_bus.api.openapi import read_document
from event_bus.model.circuit import Circuit
from event_bus.model.delivery import Attempt, DeliveryKey
from event_bus.model.replay import ReplayState
from event_bus.paging import answered_bytes
from event_bus.querying.event_finder import FoundEvent
from event_bus.registry.subscriptions import RegisteredSubscription

from tests.builders import (
    LATER,
    NOON,
    SECRET,
    delivery,
    event,
    publisher,
    replay,
    routing,
    subscription,
)


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
    shown = as_json(event_summary(FoundEvent(made, None)), "EventSummary")
    assert shown["payload"] == {"a": 1}
    assert shown["payload_bytes"] == 7
    assert shown["processed"] is False
    assert event_summary(FoundEvent(made, routing()))["processed"] is True


def test_a_large_payload_is_null_in_a_list() -> None:
    shown = event_summary(FoundEvent(replace(event(), payload=None), None))
    assert as_json(shown, "EventSummary")["payload"] is None


def test_an_event_shows_all_whom_it_matched() -> None:
    failed = replace(delivery("retrying", subscription_id="sub_2"), service_id="b")
    found = FoundEvent(event(), routing(sub_1="a", sub_2="b"), (failed,))
    shown = as_json(event_document(found), "Event")
    assert shown["deliveries"] == [
        {
            "subscription_id": "sub_1",
            "service_id": "a",
            "replay_id": None,
            "status": "pending",
            "attempts": 0,
            "last_error": None,
            "next_retry_at": None,
            "dead_letter_id": None,
            "delivered_at": None,
        },
        {
            "subscription_id": "sub_2",
            "service_id": "b",
            "replay_id": None,
            "status": "retrying",
            "attempts": 1,
            "last_error": {"code": "timeout", "message": "too late", "timestamp": NOON},
            "next_retry_at": LATER,
            "dead_letter_id": None,
            "delivered_at": None,
        },
    ]


def test_a_replay_is_shown_beside_the_delivery_it_repeats() -> None:
    replayed = replace(delivery(), key=DeliveryKey("evt_1", "sub_1", "rpl_1"))
    found = FoundEvent(event(), routing(sub_1="worker"), (replayed,))
    shown = event_document(found)["deliveries"]
    assert [(each["replay_id"], each["status"]) for each in shown] == [
        (None, "pending"),
        ("rpl_1", "delivered"),
    ]


def test_a_dead_letter_shows_its_attempts() -> None:
    attempt = Attempt(1, NOON, 12, "http_status", "the subscriber answered 500", 500, "no")
    letter = delivery("exhausted", attempts=3, dead_letter_id="dl_1", log=(attempt,))
    shown = as_json(dead_letter_document(letter), "DeadLetter")
    assert (shown["id"], shown["status"], shown["retry_count"]) == ("dl_1", "exhausted", 2)
    assert shown["error"] == {"code": "timeout", "message": "too late", "timestamp": NOON}
    resolved = dead_letter_document(replace(letter, status="dropped"))
    assert resolved["status"] == "resolved"


@pytest.mark.parametrize(
    ("position", "state", "ratio"),
    [
        ("", "running", 0.0),
        ("2026-05-01T18:00:00.000Z#evt_1", "running", 0.25),
        ("2026-05-01T18:00:00.000Z#evt_1", "completed", 1.0),
    ],
)
def test_a_replay_shows_how_much_of_its_time_is_behind_it(
    position: str, state: ReplayState, ratio: float
) -> None:
    made = replay(position=position, state=state, until="2026-05-02T12:00:00.000Z")
    shown = replay_document(made)
    as_json(shown, "Replay")
    assert shown["progress"]["ratio"] == ratio


def test_a_subscription_shows_its_circuit() -> None:
    circuit = Circuit("open", failing_since=1_777_636_800.0, until=1_777_636_830.0, consecutive=10)
    shown = subscription_document(subscription(), circuit)
    assert as_json(shown, "Subscription")["circuit"] == {
        "state": "open",
        "consecutive_failures": 10,
        "failing_since": NOON,
        "next_probe_at": "2026-05-01T12:00:30.000Z",
    }


def test_a_delivery_is_shown_even_before_the_routing_is_recorded() -> None:
    shown = event_document(FoundEvent(event(), None, (delivery(),)))
    assert [each["status"] for each in shown["deliveries"]] == ["delivered"]
    assert shown["processed"] is False


def test_an_event_was_updated_when_it_last_changed() -> None:
    made = replace(event(), created_at="2026-05-01T12:00:00.000Z")
    routed = replace(routing(), routed_at="2026-05-01T12:00:01.000Z")
    delivered = replace(delivery(), updated_at="2026-05-01T12:00:02.000Z")
    for found, updated_at in (
        (FoundEvent(made, None), made.created_at),
        (FoundEvent(made, routed), routed.routed_at),
        (FoundEvent(made, routed, (delivered,)), delivered.updated_at),
    ):
        assert event_document(found)["updated_at"] == updated_at


def test_a_publisher_shows_its_key_once() -> None:
    assert "authentication" not in as_json(publisher_document(publisher()), "Publisher")
    shown = as_json(created_publisher_document(publisher(), "the-key"), "CreatedPublisher")
    assert shown["authentication"] == {"type": "api_key", "api_key": "the-key"}
    assert shown["id"] == "planner"


def test_a_subscription_shows_its_secret_once() -> None:
    shown = as_json(subscription_document(subscription()), "Subscription")
    assert SECRET not in str(shown)
    assert shown["created_at"] == NOON
    created = created_subscription_document(
        RegisteredSubscription(subscription(), SECRET, None, None)
    )
    assert as_json(created, "CreatedSubscription")["signing_secret"] == SECRET
    assert "authentication" not in created


@pytest.mark.parametrize("limited", [False, True])
def test_an_event_says_whether_it_was_matched_in_part(limited: bool) -> None:
    assert event_document(FoundEvent(event(), None))["matching_limited"] is False
    found = FoundEvent(event(), replace(routing(), limited=limited))
    assert event_document(found)["matching_limited"] is limited


def test_an_event_has_the_first_deliveries_for_which_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = [DeliveryKey(event().id, f"sub_{number}") for number in range(9)]
    found = FoundEvent(event(), None, tuple(replace(delivery(), key=key) for key in reversed(keys)))
    whole = as_json(event_document(found), "Event")
    assert whole["deliveries_complete"] is True
    room = answered_bytes(whole) // 2
    monkeypatch.setattr(paging, "MAX_PAGE_BYTES", room)
    cut = event_document(found)
    assert cut["deliveries_complete"] is False
    shown = [each["subscription_id"] for each in cut["deliveries"]]
    assert shown == [key.subscription_id for key in keys[: len(shown)]]
    assert 0 < len(shown) < 9
    assert answered_bytes(cut["deliveries"]) <= room
