"""Admins register publishers; keys live as long as something needs them."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus.errors import Conflict, Forbidden, InvalidRequest, NotFound
from event_bus.model.api_keys import ApiKey, proof_of
from event_bus.model.rights import Grant
from event_bus.registry.keys import MAX_KEYS, KeyRegistry
from event_bus.registry.publishers import PublisherRegistry
from event_bus.requests.publisher import PublisherChange, PublisherRegistration
from event_bus.requests.validation import read
from event_bus.stores.refusals import Outdated

from tests.aws import Aws
from tests.builders import AN_ADMIN, NOON, key, service, subscription
from tests.faults import not_sent
from tests.interference import before_next
from tests.refusals import pointers

KEY = "a-key-that-was-chosen"


def registration(service_id: str = "planner", **members: Any) -> PublisherRegistration:
    sent = {"service_id": service_id, "event_types": ["task.*"], **members}
    return read(PublisherRegistration, sent)


def with_key(key: str) -> dict[str, Any]:
    return {"authentication": {"type": "api_key", "api_key": key}}


@pytest.fixture
def registry(aws: Aws) -> PublisherRegistry:
    return PublisherRegistry(aws.registrations)


def test_a_publisher_is_given_a_key(aws: Aws, registry: PublisherRegistry) -> None:
    publisher, key = registry.register(registration(name="The planner"), AN_ADMIN)
    assert publisher.name == "The planner"
    assert registry.get("planner", AN_ADMIN) == publisher
    assert key is not None
    proof = proof_of(key)
    assert proof is not None
    kept = aws.keys.find(proof.id)
    assert kept is not None
    assert kept.created_at >= publisher.created_at
    assert kept == ApiKey(proof.id, "planner", kept.created_at, proof.hash)


def test_a_publisher_without_a_name_has_its_services(registry: PublisherRegistry) -> None:
    assert registry.register(registration(), AN_ADMIN)[0].name == "planner"


def test_a_chosen_key_is_kept_and_not_shown(aws: Aws, registry: PublisherRegistry) -> None:
    assert registry.register(registration(**with_key(KEY)), AN_ADMIN)[1] is None
    assert [each.id for each in aws.keys.ring("planner").keys] == [key(KEY).id]


@pytest.mark.parametrize("service_id", ["admin", "eventbus"])
def test_the_names_of_the_bus_are_its_own(registry: PublisherRegistry, service_id: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        registry.register(registration(service_id), AN_ADMIN)
    assert pointers(refusal) == ["/service_id"]


def test_a_service_is_one_publisher(aws: Aws, registry: PublisherRegistry) -> None:
    registry.register(registration(), AN_ADMIN)
    with pytest.raises(Conflict) as refusal:
        registry.register(registration(**with_key(KEY)), AN_ADMIN)
    assert pointers(refusal) == ["/service_id"]
    assert aws.keys.find(key(KEY).id) is None


def test_a_key_stands_for_one_service(aws: Aws, registry: PublisherRegistry) -> None:
    registry.register(registration("planner", **with_key(KEY)), AN_ADMIN)
    with pytest.raises(Conflict) as refusal:
        registry.register(registration("other", **with_key(KEY)), AN_ADMIN)
    assert pointers(refusal) == ["/authentication/api_key"]
    assert KEY not in refusal.value.detail
    assert aws.publishers.get("other") is None


def test_a_service_sees_itself_alone(registry: PublisherRegistry) -> None:
    registry.register(registration("planner"), AN_ADMIN)
    registry.register(registration("other"), AN_ADMIN)
    assert registry.get("planner", service("planner")).service_id == "planner"
    with pytest.raises(NotFound):
        registry.get("other", service("planner"))
    assert [each.service_id for each in registry.page(None, 10, service("planner"))] == ["planner"]
    assert registry.page("planner", 10, service("planner")) == []
    assert registry.page(None, 10, service("stranger")) == []
    assert [each.service_id for each in registry.page(None, 10, AN_ADMIN)] == ["other", "planner"]


def test_a_stranger_finds_nothing_to_remove(registry: PublisherRegistry) -> None:
    registry.register(registration(), AN_ADMIN)
    with pytest.raises(NotFound):
        registry.remove("planner", service("stranger"))
    assert registry.get("planner", AN_ADMIN)


def test_keys_go_with_their_publisher(aws: Aws, registry: PublisherRegistry) -> None:
    registry.register(registration(), AN_ADMIN)
    aws.put_keys(ApiKey("second", "planner", NOON))
    registry.register(registration("other", **with_key(KEY)), AN_ADMIN)
    registry.remove("planner", AN_ADMIN)
    assert aws.publishers.get("planner") is None
    assert aws.keys.ring("planner").keys == ()
    assert aws.keys.find(key(KEY).id) is not None


def test_keys_that_subscriptions_need_stay(aws: Aws, registry: PublisherRegistry) -> None:
    registry.register(registration(), AN_ADMIN)
    aws.subscriptions.create(subscription("sub_1", "planner"))
    registry.remove("planner", AN_ADMIN)
    assert aws.publishers.get("planner") is None
    assert len(aws.keys.ring("planner").keys) == 1


def test_a_missing_publisher_cannot_be_removed(registry: PublisherRegistry) -> None:
    with pytest.raises(NotFound):
        registry.remove("planner", AN_ADMIN)


def test_a_removal_that_failed_has_removed_nothing(aws: Aws, registry: PublisherRegistry) -> None:
    made, _ = registry.register(registration(), AN_ADMIN)
    aws.put_keys(ApiKey("second", "planner", NOON))
    with not_sent(aws.dynamodb, "TransactWriteItems"), pytest.raises(ConnectionClosedError):
        registry.remove("planner", AN_ADMIN)
    assert len(aws.keys.ring("planner").keys) == 2
    assert registry.get("planner", AN_ADMIN) == made
    registry.remove("planner", AN_ADMIN)
    assert aws.keys.ring("planner").keys == ()
    assert aws.publishers.get("planner") is None


def test_keys_stay_for_who_subscribes_while_its_publisher_is_removed(
    aws: Aws, registry: PublisherRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.register(registration(), AN_ADMIN)
    before_next(
        aws,
        monkeypatch,
        "transact_write_items",
        lambda: aws.subscriptions.create(subscription("sub_1", "planner")),
    )
    registry.remove("planner", AN_ADMIN)
    assert aws.publishers.get("planner") is None
    assert len(aws.keys.ring("planner").keys) == 1


def test_a_key_that_is_rotated_during_the_removal_of_its_publisher_is_removed(
    aws: Aws, registry: PublisherRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.register(registration(**with_key(KEY)), AN_ADMIN)
    before_next(
        aws,
        monkeypatch,
        "transact_write_items",
        lambda: KeyRegistry(aws.keys, 200).rotate(lambda: "planner", key(KEY).id, 60, AN_ADMIN),
    )
    registry.remove("planner", AN_ADMIN)
    assert aws.keys.ring("planner").keys == ()


def test_a_publisher_that_is_removed_twice_at_once_is_removed_once(
    aws: Aws, registry: PublisherRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.register(registration(), AN_ADMIN)
    before_next(
        aws, monkeypatch, "transact_write_items", lambda: registry.remove("planner", AN_ADMIN)
    )
    with pytest.raises(NotFound):
        registry.remove("planner", AN_ADMIN)


def test_a_listener_keeps_no_keys(aws: Aws, registry: PublisherRegistry) -> None:
    registry.register(registration(), AN_ADMIN)
    aws.subscriptions.create(replace(subscription("sub_1", "planner"), ends_at=4_000_000_000))
    registry.remove("planner", AN_ADMIN)
    assert aws.keys.ring("planner").keys == ()


def test_keys_are_removed_with_a_publisher_whose_subscriptions_were_deleted(
    aws: Aws, registry: PublisherRegistry
) -> None:
    registry.register(registration(), AN_ADMIN)
    aws.subscriptions.delete(aws.subscriptions.create(subscription("sub_1", "planner")))
    registry.remove("planner", AN_ADMIN)
    assert aws.keys.ring("planner").keys == ()


def test_a_key_that_is_made_during_the_removal_of_its_publisher_is_removed(
    aws: Aws, registry: PublisherRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.register(registration(), AN_ADMIN)
    before_next(
        aws,
        monkeypatch,
        "transact_write_items",
        lambda: aws.add_keys(ApiKey("second", "planner", NOON)),
    )
    registry.remove("planner", AN_ADMIN)
    assert aws.keys.find("second") is None


def test_a_registration_revives_no_key(aws: Aws, registry: PublisherRegistry) -> None:
    # As an earlier release left them behind, also one that is named again.
    aws.add_keys(ApiKey("ebk_1", "planner", NOON), key(KEY, scopes=("read",)))
    registry.register(registration(**with_key(KEY)), AN_ADMIN)
    [only] = aws.keys.ring("planner").keys
    assert (only.id, only.scopes) == (key(KEY).id, None)
    assert aws.keys.find("ebk_1") is None


def test_a_subscriber_keeps_its_keys_when_it_becomes_a_publisher(
    aws: Aws, registry: PublisherRegistry
) -> None:
    aws.subscriptions.create(subscription("sub_1", "planner"))
    limited = key(KEY, scopes=("read",))
    aws.add_keys(ApiKey("ebk_1", "planner", NOON), limited)
    registry.register(registration(**with_key(KEY)), AN_ADMIN)
    assert {each.id for each in aws.keys.ring("planner").keys} == {"ebk_1", limited.id}
    assert aws.keys.find(limited.id) == limited


def test_a_registration_leads_not_past_the_limit_of_keys(
    aws: Aws, registry: PublisherRegistry
) -> None:
    aws.subscriptions.create(subscription("sub_1", "planner"))
    aws.add_keys(*[ApiKey(f"ebk_{each}", "planner", NOON) for each in range(MAX_KEYS)])
    with pytest.raises(Conflict, match="at most 20 keys"):
        registry.register(registration(), AN_ADMIN)
    assert aws.publishers.get("planner") is None


def test_two_changes_at_once_both_count(
    aws: Aws, registry: PublisherRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.register(registration(), AN_ADMIN)
    aws.rights.put(Grant("billing", ["*"]))
    before_next(
        aws,
        monkeypatch,
        "put_item",
        lambda: registry.change("planner", change(sensitive_readers=["billing"]), AN_ADMIN),
    )
    after = registry.change("planner", change(name="P"), AN_ADMIN)
    assert (after.name, after.sensitive_readers) == ("P", ["billing"])


def test_a_service_may_be_registered_again(registry: PublisherRegistry) -> None:
    registry.register(registration(), AN_ADMIN)
    registry.remove("planner", AN_ADMIN)
    again, key = registry.register(registration(event_types=["role.*"]), AN_ADMIN)
    assert key is not None
    assert replace(again) == registry.get("planner", service("planner"))


def change(**members: Any) -> PublisherChange:
    return read(PublisherChange, members)


def test_a_publisher_is_changed_where_a_change_names_it(
    aws: Aws, registry: PublisherRegistry
) -> None:
    aws.rights.put(Grant("billing", ["*"]))
    before, _ = registry.register(registration(), AN_ADMIN)
    sensitive = {"sensitive": {"task.*": ["/email"]}, "sensitive_readers": ["billing", "billing"]}
    after = registry.change("planner", change(**sensitive), service("planner"))
    assert (after.sensitive, after.sensitive_readers) == ({"task.*": ["/email"]}, ["billing"])
    assert replace(after, sensitive={}, sensitive_readers=[], updated_at=NOON) == replace(
        before, updated_at=NOON
    )
    again = registry.change("planner", change(name="P", event_types=["role.*", "task.*"]), AN_ADMIN)
    assert registry.get("planner", AN_ADMIN) == again
    assert (again.name, again.sensitive) == ("P", {"task.*": ["/email"]})


def test_a_service_grants_itself_no_types(registry: PublisherRegistry) -> None:
    registry.register(registration(), AN_ADMIN)
    with pytest.raises(Forbidden) as refusal:
        registry.change("planner", change(event_types=["*"]), service("planner"))
    assert pointers(refusal) == ["/event_types"]
    with pytest.raises(NotFound):
        registry.change("planner", change(name="P"), service("worker"))


@pytest.mark.parametrize(
    ("members", "where"),
    [
        ({"sensitive": None}, "/sensitive"),
        ({"name": None}, "/name"),
        ({"sensitive": {"role.*": True}}, "/sensitive/role.*"),
        ({"sensitive": {"task..x": True}}, "/sensitive/task..x"),
        ({"event_types": ["role.*"]}, "/sensitive/task.created"),
        ({"restricted": None}, "/restricted"),
        ({"restricted": {"role.*": []}}, "/restricted/role.*"),
        ({"restricted": {"task..x": []}}, "/restricted/task..x"),
    ],
)
def test_a_change_that_does_not_fit_is_pointed_at(
    registry: PublisherRegistry, members: dict[str, Any], where: str
) -> None:
    made, _ = registry.register(registration(sensitive={"task.created": True}), AN_ADMIN)
    with pytest.raises(InvalidRequest) as refusal:
        registry.change("planner", change(**members), AN_ADMIN)
    assert pointers(refusal) == [where]
    assert registry.get("planner", AN_ADMIN) == made


def test_a_sensitive_type_must_be_one_that_is_published(registry: PublisherRegistry) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        registry.register(registration(sensitive={"tasks.*": True}), AN_ADMIN)
    assert pointers(refusal) == ["/sensitive/tasks.*"]


def test_a_change_that_was_overtaken_is_refused(aws: Aws, registry: PublisherRegistry) -> None:
    before, _ = registry.register(registration(), AN_ADMIN)
    registry.change("planner", change(name="P"), AN_ADMIN)
    with pytest.raises(Outdated):
        aws.registrations.replace_publisher(before, replace(before, name="Q"))
    registry.remove("planner", AN_ADMIN)
    with pytest.raises(Outdated):
        aws.registrations.replace_publisher(before, replace(before, name="Q"))
    assert aws.publishers.get("planner") is None


def test_only_an_admin_changes_granted_members(aws: Aws, registry: PublisherRegistry) -> None:
    granted: dict[str, Any] = {
        "stream_categories": ["task"],
        "kept_stream_categories": ["task", "order"],
    }
    made, _ = registry.register(registration(**granted), AN_ADMIN)
    assert made.kept_stream_categories == ["task", "order"]
    for name in granted:
        with pytest.raises(Forbidden) as refusal:
            registry.change("planner", change(**{name: []}), service("planner"))
        assert pointers(refusal) == [f"/{name}"]
    after = registry.change("planner", change(kept_stream_categories=[]), AN_ADMIN)
    assert aws.publishers.get("planner") == after
    assert (after.stream_categories, after.kept_stream_categories) == (["task"], [])


def test_a_publisher_of_an_earlier_release_is_changed(
    aws: Aws, registry: PublisherRegistry
) -> None:
    registry.register(registration(), AN_ADMIN)
    key = {"service_id": {"S": "planner"}}
    stored = aws.dynamodb.get_item(TableName=aws.tables["publishers"], Key=key)["Item"]
    later = {"restricted", "stream_categories", "kept_stream_categories"}
    # A release stores a member that it adds only if a client uses it.
    assert later.isdisjoint(orjson.loads(stored["document"]["S"]))
    granted = change(kept_stream_categories=["task"])
    assert registry.change("planner", granted, AN_ADMIN).kept_stream_categories == ["task"]
