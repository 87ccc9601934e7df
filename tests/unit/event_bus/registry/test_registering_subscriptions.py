"""Services register what they want to receive."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.errors import Conflict, Forbidden, InvalidRequest, Unauthenticated
from event_bus.model.api_keys import ApiKey, proof_of
from event_bus.model.scopes import Scope
from event_bus.registry.keys import MAX_KEYS
from event_bus.registry.subscriptions import SubscriptionRegistry

from tests.aws import Aws
from tests.builders import AN_ADMIN, NOON, key, publisher, service, subscription
from tests.interference import before_next
from tests.refusals import pointers
from tests.unit.event_bus.registry.subscribing import (
    KEY,
    WORKER,
    registration,
    registry_over,
    with_key,
)


class TestRegistering:
    def test_a_subscription_is_active_from_its_answer_on(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        registered = registry.register(registration(), WORKER)
        made, key = registered.subscription, registered.api_key
        assert (made.service_id, made.status, made.name) == ("worker", "active", "worker")
        assert registered.signing_secret
        assert aws.signing_secrets.of(made) == [registered.signing_secret]
        assert key is None
        assert registry.get(made.id, WORKER) == made
        assert [each.id for each in aws.routing_rules_after(0)] == [made.id]

    def test_no_two_subscriptions_share_a_secret(self, registry: SubscriptionRegistry) -> None:
        first = registry.register(registration(), WORKER)
        second = registry.register(registration(), WORKER)
        assert first.signing_secret != second.signing_secret

    def test_a_service_registers_for_itself(self, registry: SubscriptionRegistry) -> None:
        assert registry.register(registration(service_id="worker"), WORKER)
        with pytest.raises(Forbidden) as refusal:
            registry.register(registration(service_id="other"), WORKER)
        assert pointers(refusal) == ["/service_id"]

    def test_an_admin_names_the_service(self, registry: SubscriptionRegistry) -> None:
        made = registry.register(registration(service_id="worker"), AN_ADMIN).subscription
        assert made.service_id == "worker"
        with pytest.raises(InvalidRequest) as refusal:
            registry.register(registration(), AN_ADMIN)
        assert pointers(refusal) == ["/service_id"]

    @pytest.mark.parametrize("service_id", ["admin", "eventbus"])
    def test_the_names_of_the_bus_are_its_own(
        self, registry: SubscriptionRegistry, service_id: str
    ) -> None:
        with pytest.raises(InvalidRequest) as refusal:
            registry.register(registration(service_id=service_id), AN_ADMIN)
        assert pointers(refusal) == ["/service_id"]

    def test_a_service_without_a_key_is_given_one(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        key = registry.register(registration(service_id="worker"), AN_ADMIN).api_key
        assert key is not None
        proof = proof_of(key)
        assert proof is not None
        kept = aws.keys.find(proof.id)
        assert kept is not None
        assert kept.service_id == "worker"
        assert registry.register(registration(service_id="worker"), AN_ADMIN).api_key is None

    def test_a_service_whose_key_was_removed_meanwhile_subscribes_to_nothing(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        caller = replace(WORKER, key_id="gone")
        with pytest.raises(Unauthenticated):
            registry.register(registration(), caller)
        assert list(aws.subscriptions.routing_rules()) == []

    def test_a_service_whose_keys_are_removed_while_it_is_subscribed_is_given_another(
        self, aws: Aws, registry: SubscriptionRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        aws.add_publishers(publisher("worker"))
        aws.add_keys(key(KEY, "worker"))
        before_next(
            aws, monkeypatch, "transact_write_items", lambda: aws.revoke(key(KEY, "worker"))
        )
        made = registry.register(registration(service_id="worker"), AN_ADMIN)
        assert made.api_key
        assert len(aws.keys.ring("worker").keys) == 1
        assert len(list(aws.subscriptions.routing_rules())) == 1

    def test_a_chosen_key_is_kept_and_not_shown(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        for _ in range(2):
            asked = registration(service_id="worker", **with_key(KEY))
            assert registry.register(asked, AN_ADMIN).api_key is None
        assert [each.id for each in aws.keys.ring("worker").keys] == [key(KEY).id]

    def test_a_key_of_another_service_is_refused_and_nothing_stored(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        aws.put_keys(key(KEY, "other"))
        with pytest.raises(Conflict) as refusal:
            registry.register(registration(service_id="worker", **with_key(KEY)), AN_ADMIN)
        assert pointers(refusal) == ["/authentication/api_key"]
        assert list(aws.subscriptions.routing_rules()) == []

    def test_a_key_creates_no_key_that_permits_more(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        soon = int(times.unix()) + 60
        aws.subscriptions.create(subscription())
        limits: dict[str, Any] = {"scopes": ("manage",), "expires_at": soon, "rate_limit": 2}
        aws.add_keys(ApiKey("ebk_1", "worker", NOON, **limits))
        registry.register(registration(**with_key(KEY)), service("worker", "ebk_1"))
        made = aws.keys.find(key(KEY).id)
        assert made is not None
        assert made == replace(key(KEY, "worker", **limits), created_at=made.created_at)

    def test_a_key_that_exists_stays_as_it_is(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        aws.subscriptions.create(subscription())
        limited = key(KEY, "worker", scopes=("read",), expires_at=int(times.unix()) + 60)
        aws.add_keys(ApiKey("ebk_1", "worker", NOON), limited)
        registry.register(registration(**with_key(KEY)), service("worker", "ebk_1"))
        assert aws.keys.find(limited.id) == limited

    def test_a_key_that_was_revoked_makes_no_other(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        aws.subscriptions.create(subscription())
        aws.add_keys(ApiKey("ebk_2", "worker", NOON))
        with pytest.raises(Unauthenticated):
            registry.register(registration(**with_key(KEY)), service("worker", "ebk_1"))
        assert aws.keys.find(key(KEY).id) is None

    def test_no_operation_exceeds_the_limit_of_keys(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        aws.subscriptions.create(subscription())
        aws.add_keys(*[ApiKey(f"ebk_{each}", "worker", NOON) for each in range(MAX_KEYS)])
        for caller in (service("worker", "ebk_1"), AN_ADMIN):
            asked = registration(service_id="worker", **with_key(KEY))
            with pytest.raises(Conflict, match="at most 20 keys"):
                registry.register(asked, caller)
        assert len(aws.keys.ring("worker").keys) == MAX_KEYS
        assert aws.subscriptions.counts.of("worker").subscriptions == 1

    def test_a_service_reaches_its_quota_of_subscriptions(self, aws: Aws) -> None:
        registry = registry_over(aws, aws.subscriptions, most=2)
        first = registry.register(registration(), WORKER).subscription
        registry.register(registration(), WORKER)
        for caller in (WORKER, AN_ADMIN):
            with pytest.raises(Conflict, match="has 2 subscriptions"):
                registry.register(registration(service_id="worker"), caller)
        registry.register(registration(service_id="other"), AN_ADMIN)
        registry.remove(first.id, WORKER)
        registry.register(registration(), WORKER)

    def test_filters_are_checked_with_the_types(self, registry: SubscriptionRegistry) -> None:
        with pytest.raises(InvalidRequest) as refusal:
            registry.register(registration(filters={"role.*": {"a": [1]}}), WORKER)
        assert pointers(refusal) == ["/filters/role.*"]


class TestHistory:
    def test_history_is_asked_for_in_the_same_transaction(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        asked = registration(replay_from="2026-05-01T12:00:00Z")
        registered = registry.register(asked, WORKER)
        assert registered.replay_id
        history = aws.replays.get(registered.replay_id)
        assert history
        assert (history.audience, history.subscription_id) == ("worker", registered.subscription.id)
        assert (history.since, history.state) == ("2026-05-01T12:00:00.000Z", "running")
        assert history.until > registered.subscription.created_at

    @pytest.mark.parametrize("scopes", [{"manage"}, {"manage", "read", "receive", "publish"}])
    def test_history_is_for_keys_that_may_replay(
        self, aws: Aws, registry: SubscriptionRegistry, scopes: set[Scope]
    ) -> None:
        asked = registration(replay_from="2026-05-01T12:00:00Z")
        with pytest.raises(Forbidden) as refusal:
            registry.register(asked, replace(WORKER, scopes=frozenset(scopes)))
        assert pointers(refusal) == ["/replay_from"]
        assert aws.subscriptions.page("worker", None, 10) == []
        able = replace(WORKER, scopes=frozenset[Scope]({"manage", "recover"}))
        assert registry.register(asked, able).replay_id

    @pytest.mark.parametrize("ahead", [2, 45, 90_000])
    def test_history_does_not_begin_in_the_future(
        self, aws: Aws, registry: SubscriptionRegistry, ahead: float
    ) -> None:
        asked = registration(replay_from=times.after(ahead))
        with pytest.raises(InvalidRequest) as refusal:
            registry.register(asked, WORKER)
        assert pointers(refusal) == ["/replay_from"]
        assert aws.subscriptions.page("worker", None, 10) == []
        assert aws.routing_rules_after(0) == []
        assert aws.replays.page(None, None, 10) == []
