"""What registers is read strictly, and keys stay out of sight."""

from typing import Any

import pytest
from event_bus.errors import InvalidRequest
from event_bus.matching.limits import MAX_EVENT_TYPES
from event_bus.model.filter_checks import MAX_FILTERS_BYTES, check_sent_filters
from event_bus.registry.subscription_requests import SubscriptionChange, SubscriptionRegistration
from event_bus.requests.publisher import PublisherRegistration
from event_bus.requests.validation import read
from pydantic import BaseModel

KEY = "a-key-that-was-chosen"
PUBLISHER: dict[str, Any] = {"service_id": "planner", "event_types": ["task.*"]}
SUBSCRIPTION: dict[str, Any] = {
    "event_types": ["task.*"],
    "callback_url": "https://worker.example/events",
}


def faults(model: type[BaseModel], value: Any) -> list[str]:
    with pytest.raises(InvalidRequest) as refusal:
        read(model, value)
    return [fault.pointer for fault in refusal.value.faults]


def test_a_publisher_needs_a_service_and_types() -> None:
    made = read(PublisherRegistration, PUBLISHER)
    assert made.authentication.api_key is None
    assert faults(PublisherRegistration, {}) == ["/service_id", "/event_types"]


def test_a_subscription_needs_types_and_a_target() -> None:
    made = read(SubscriptionRegistration, SUBSCRIPTION)
    assert made.filters == {}
    assert made.authentication is None
    assert faults(SubscriptionRegistration, {}) == ["/event_types", "/target"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"service_id": ""}, "/service_id"),
        ({"service_id": "a.b"}, "/service_id"),
        ({"service_id": "x" * 65}, "/service_id"),
        ({"service_id": "planner\n"}, "/service_id"),
        ({"name": ""}, "/name"),
        ({"name": "x" * 129}, "/name"),
        ({"name": "a\u202eb"}, "/name"),
        ({"event_types": []}, "/event_types"),
        ({"event_types": "task.*"}, "/event_types"),
        ({"event_types": ["task.*", "task.x*"]}, "/event_types/1"),
        ({"event_types": [f"t.{each}" for each in range(MAX_EVENT_TYPES + 1)]}, "/event_types"),
        ({"authentication": {"type": "oauth"}}, "/authentication/type"),
        ({"authentication": {"api_key": "short"}}, "/authentication/api_key"),
        ({"authentication": {"api_key": "x" * 257}}, "/authentication/api_key"),
        ({"authentication": {"api_key": "with spaces in the key"}}, "/authentication/api_key"),
        ({"authentication": {"api_key": "schlüssel-der-gewählt"}}, "/authentication/api_key"),
        ({"authentication": {"api_key": 1}}, "/authentication/api_key"),
        ({"authentication": {"key": KEY}}, "/authentication/key"),
        ({"api_key": KEY}, "/api_key"),
    ],
)
def test_a_publishers_faults_are_pointed_at(change: dict[str, Any], where: str) -> None:
    assert faults(PublisherRegistration, {**PUBLISHER, **change}) == [where]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"callback_url": "http://worker.example"}, "/callback_url"),
        ({"callback_url": None}, "/target"),
        ({"filters": []}, "/filters"),
        ({"status": "active"}, "/status"),
        ({"signing_secret": "whsec_"}, "/signing_secret"),
    ],
)
def test_a_subscriptions_faults_are_pointed_at(change: dict[str, Any], where: str) -> None:
    assert faults(SubscriptionRegistration, {**SUBSCRIPTION, **change}) == [where]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"status": "deleted"}, "/status"),
        ({"service_id": "other"}, "/service_id"),
        ({"event_types": []}, "/event_types"),
        ({"version": 1}, "/version"),
    ],
)
def test_a_changes_faults_are_pointed_at(change: dict[str, Any], where: str) -> None:
    assert faults(SubscriptionChange, change) == [where]


def test_each_type_is_kept_once_in_its_order() -> None:
    twice = {**PUBLISHER, "event_types": ["b.x", "a.x", "b.x"]}
    assert read(PublisherRegistration, twice).event_types == ["b.x", "a.x"]


@pytest.mark.parametrize("length", [16, 256])
def test_the_shortest_and_the_longest_key_can_be_chosen(length: int) -> None:
    key = ("abcdefgh" * 32)[:length]
    value = {**PUBLISHER, "authentication": {"type": "api_key", "api_key": key}}
    chosen = read(PublisherRegistration, value).authentication.api_key
    assert chosen is not None
    assert chosen.get_secret_value() == key


def test_a_chosen_key_is_never_shown() -> None:
    with_key = {"authentication": {"api_key": KEY}}
    for made in (
        read(PublisherRegistration, {**PUBLISHER, **with_key}),
        read(SubscriptionRegistration, {**SUBSCRIPTION, **with_key}),
    ):
        assert KEY not in repr(made)
        assert KEY not in str(made)
        assert KEY not in repr(made.model_dump())
        assert KEY not in made.model_dump_json()


def test_a_refused_key_is_not_repeated_to_whoever_reads_the_answer() -> None:
    value = {**PUBLISHER, "authentication": {"api_key": "too-short-key"}}
    with pytest.raises(InvalidRequest) as refusal:
        read(PublisherRegistration, value)
    assert "too-short-key" not in str(refusal.value.document())


@pytest.mark.parametrize(
    ("filters", "where"),
    [
        ({"task.*": 1}, "/filters/task.*"),
        ({"task.*": {"a": "x"}}, "/filters/task.*/a"),
        ({"task.*": {"a": []}}, "/filters/task.*/a"),
        ({"task.*": {"a": [{"near": 1}]}}, "/filters/task.*/a/0/near"),
        ({"role.*": {"a": ["x"]}}, "/filters/role.*"),
        ({"task..x": {"a": ["x"]}}, "/filters/task..x"),
        ({"task.*": {"a/b": []}}, "/filters/task.*/a~1b"),
    ],
)
def test_a_filters_fault_is_pointed_at(filters: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_sent_filters(["task.*"], filters)
    assert [fault.pointer for fault in refusal.value.faults] == [where]


def test_filters_have_a_size() -> None:
    with pytest.raises(InvalidRequest, match="bytes"):
        check_sent_filters(["task.*"], {"task.*": {"a": ["x" * MAX_FILTERS_BYTES]}})


def test_filters_have_a_number_of_combinations_in_all() -> None:
    thousand = {each: {"$or": [{"a": [n]} for n in range(10)]} for each in ("x", "y", "z")}
    filters: dict[str, Any] = {f"task.a{number}": thousand for number in range(2)}
    check_sent_filters(["task.*"], filters)
    filters["task.b"] = {"a": [1]}
    with pytest.raises(InvalidRequest, match=r"at most 2000 .* these have 2001") as refusal:
        check_sent_filters(["task.*"], filters)
    assert [fault.pointer for fault in refusal.value.faults] == ["/filters"]


def test_combinations_have_a_number_of_fields_in_all() -> None:
    fields = {f"f{n}": [1] for n in range(19)}
    filters: dict[str, Any] = {
        f"task.a{number}": {**fields, "$or": [{"a": [n]} for n in range(500)]}
        for number in range(2)
    }
    check_sent_filters(["task.*"], filters)
    filters["task.b"] = {"a": [1]}
    with pytest.raises(InvalidRequest, match=r"at most 20000 fields .* these have 20001"):
        check_sent_filters(["task.*"], filters)


@pytest.mark.parametrize(
    "pattern",
    [
        {f"f{n}": [1] for n in range(150)},
        {f"f{n}": {"a": {"b": [1]}} for n in range(50)},
        {"$or": [{f"{name}{n}": [1] for n in range(75)} for name in "fg"]},
    ],
    ids=["flat", "nested", "alternatives"],
)
def test_filters_have_a_number_of_fields_in_all(pattern: dict[str, Any]) -> None:
    filters: dict[str, Any] = {f"task.a{number}": pattern for number in range(20)}
    check_sent_filters(["task.*"], filters)
    filters["task.b"] = {"a": [1]}
    with pytest.raises(InvalidRequest, match=r"at most 3000 fields .* these have 3001"):
        check_sent_filters(["task.*"], filters)


def test_filters_that_some_type_meets_are_taken() -> None:
    check_sent_filters(["task.*"], {"task.created": {"a": [1]}, "*": {"metadata": {"b": ["x"]}}})


def test_the_sensitive_members_of_a_publisher_are_bounded() -> None:
    pointers = [f"/{number:03}{'x' * 250}" for number in range(32)]
    few = {f"order.{number}": pointers for number in range(7)}
    sent = {"service_id": "shop", "event_types": ["order.*"], "sensitive": few}
    assert read(PublisherRegistration, sent).sensitive == few
    many = {f"order.{number}": pointers for number in range(9)}
    with pytest.raises(InvalidRequest, match="bytes") as refusal:
        read(PublisherRegistration, {**sent, "sensitive": many})
    assert [fault.pointer for fault in refusal.value.faults] == ["/sensitive"]
