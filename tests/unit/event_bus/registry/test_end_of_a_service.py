"""A service and its keys go with its last registration."""

from dataclasses import replace

import pytest
from event_bus.model.api_keys import ApiKey
from event_bus.registry.publishers import PublisherRegistry
from event_bus.registry.subscriptions import SubscriptionRegistry

from tests.aws import Aws
from tests.builders import AN_ADMIN, NOON, key, publisher, service, subscription
from tests.interference import before_next
from tests.unit.event_bus.registry.subscribing import (
    KEY,
    WORKER,
    registration,
    with_key,
)


class TestTheEndOfAService:
    def test_keys_go_with_the_last_registration(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        made = [aws.subscriptions.create(subscription(f"sub_{each}")) for each in (1, 2)]
        aws.subscriptions.create(replace(subscription("sub_3"), ends_at=4_000_000_000))
        aws.add_keys(ApiKey("ebk_1", "worker", NOON), ApiKey("ebk_2", "worker", NOON))
        aws.add_keys(ApiKey("ebk_3", "other", NOON))
        registry.remove(made[0].id, WORKER)
        assert len(aws.keys.ring("worker").keys) == 2
        registry.remove(made[1].id, WORKER)
        assert aws.keys.ring("worker").keys == ()
        assert aws.keys.find("ebk_1") is None
        assert aws.keys.find("ebk_3") is not None

    def test_keys_of_a_publisher_stay(self, aws: Aws, registry: SubscriptionRegistry) -> None:
        aws.add_publishers(publisher("worker"))
        made = aws.subscriptions.create(subscription())
        aws.add_keys(ApiKey("ebk_1", "worker", NOON))
        registry.remove(made.id, WORKER)
        assert len(aws.keys.ring("worker").keys) == 1

    def test_a_service_that_subscribes_again_meanwhile_keeps_its_keys(
        self, aws: Aws, registry: SubscriptionRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = aws.subscriptions.create(subscription())
        aws.add_keys(ApiKey("ebk_1", "worker", NOON))
        before_next(
            aws,
            monkeypatch,
            "transact_write_items",
            lambda: registry.register(registration(), service("worker", "ebk_1")),
        )
        registry.remove(made.id, WORKER)
        assert len(aws.keys.ring("worker").keys) == 1
        assert aws.subscriptions.counts.of("worker").subscriptions == 1

    @pytest.mark.parametrize("subscribes", [True, False])
    def test_a_publisher_keeps_its_keys_if_it_subscribes_when_it_is_removed(
        self, aws: Aws, monkeypatch: pytest.MonkeyPatch, *, subscribes: bool
    ) -> None:
        aws.add_publishers(publisher("worker"))
        aws.add_keys(ApiKey("ebk_1", "worker", NOON))
        made = aws.subscriptions.create(subscription())
        if subscribes:
            aws.subscriptions.delete(made)

        def change() -> None:
            if subscribes:
                aws.subscriptions.create(subscription("sub_2"))
            else:
                aws.subscriptions.delete(made)

        before_next(aws, monkeypatch, "transact_write_items", change)
        PublisherRegistry(aws.registrations).remove("worker", AN_ADMIN)
        assert aws.publishers.get("worker") is None
        assert len(aws.keys.ring("worker").keys) == int(subscribes)

    def test_a_key_that_is_made_during_the_removal_is_removed(
        self, aws: Aws, registry: SubscriptionRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = aws.subscriptions.create(subscription())
        aws.add_keys(ApiKey("ebk_1", "worker", NOON))
        before_next(
            aws,
            monkeypatch,
            "transact_write_items",
            lambda: aws.add_keys(ApiKey("ebk_2", "worker", NOON)),
        )
        registry.remove(made.id, WORKER)
        assert aws.keys.find("ebk_2") is None

    def test_a_new_registration_revives_no_old_key(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        # As an earlier release left them behind.
        aws.add_keys(key(KEY, "worker", scopes=("read",)), ApiKey("ebk_2", "worker", NOON))
        made = registry.register(registration(service_id="worker", **with_key(KEY)), AN_ADMIN)
        assert made.api_key is None
        [only] = aws.keys.ring("worker").keys
        assert (only.id, only.scopes) == (key(KEY).id, None)
        assert aws.keys.find("ebk_2") is None
