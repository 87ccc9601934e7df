"""Subscriptions are read one by one, and in filtered pages."""

import pytest
from event_bus.access.callers import Caller
from event_bus.errors import NotFound
from event_bus.registry import subscriptions as registry_module
from event_bus.registry.subscription_query import SubscriptionQuery
from event_bus.registry.subscriptions import SubscriptionRegistry

from tests.aws import Aws
from tests.builders import AN_ADMIN, service, subscription
from tests.unit.event_bus.registry.subscribing import (
    WORKER,
    registration,
)


class TestReading:
    def test_a_service_sees_its_own_alone(self, registry: SubscriptionRegistry) -> None:
        made = registry.register(registration(), WORKER).subscription
        assert registry.get(made.id, AN_ADMIN) == made
        for caller, name in ((service("other"), made.id), (WORKER, "sub_none")):
            with pytest.raises(NotFound):
                registry.get(name, caller)

    @pytest.mark.parametrize(
        ("query", "caller", "ids"),
        [
            (SubscriptionQuery(), AN_ADMIN, ["sub_1", "sub_2", "sub_3"]),
            (SubscriptionQuery(), WORKER, ["sub_1", "sub_2"]),
            (SubscriptionQuery(service_id="other"), AN_ADMIN, ["sub_3"]),
            (SubscriptionQuery(service_id="other"), WORKER, []),
            (SubscriptionQuery(status="disabled"), AN_ADMIN, ["sub_2"]),
            (SubscriptionQuery(event_type="role.made"), AN_ADMIN, ["sub_2", "sub_3"]),
            (SubscriptionQuery(event_type="role.made", status="active"), WORKER, []),
        ],
    )
    def test_lists_are_filtered(
        self,
        aws: Aws,
        registry: SubscriptionRegistry,
        query: SubscriptionQuery,
        caller: Caller,
        ids: list[str],
    ) -> None:
        aws.subscriptions.create(subscription("sub_1"))
        aws.subscriptions.create(subscription("sub_2", event_types=["role.*"], status="disabled"))
        aws.subscriptions.create(subscription("sub_3", "other", ["*"]))
        found, position = registry.page(query, None, 10, caller)
        assert [each.id for each in found] == ids
        assert position is None

    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
    @pytest.mark.parametrize("budget", [1, 1_000])
    def test_paging_through_shows_each_once(
        self,
        aws: Aws,
        registry: SubscriptionRegistry,
        monkeypatch: pytest.MonkeyPatch,
        limit: int,
        budget: int,
    ) -> None:
        monkeypatch.setattr(registry_module, "_READ_BUDGET", budget)
        for number in range(6):
            aws.subscriptions.create(
                subscription(f"sub_{number}", event_types=["a.x" if number % 3 else "b.x"])
            )
        found: list[str] = []
        after: str | None = None
        for _ in range(10):
            page, after = registry.page(SubscriptionQuery(event_type="a.x"), after, limit, AN_ADMIN)
            assert len(page) <= limit
            found += [each.id for each in page]
            if after is None:
                break
        assert found == ["sub_1", "sub_2", "sub_4", "sub_5"]
        assert after is None

    def test_a_full_page_at_the_end_has_no_other_behind_it(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        for name in ("sub_1", "sub_2"):
            aws.subscriptions.create(subscription(name))
        assert registry.page(SubscriptionQuery(), None, 1, AN_ADMIN)[1] == "sub_1"
        assert registry.page(SubscriptionQuery(), None, 2, AN_ADMIN)[1] is None
