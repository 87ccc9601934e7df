"""Services register what they want to receive, and no change of theirs gets lost."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import Any

import pytest
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.callbacks.client import CallbackClient
from event_bus.callbacks.handshake import Handshake
from event_bus.delivery.disabling import Disabler
from event_bus.errors import Conflict, Forbidden, InvalidRequest, NotFound, Problem, Unauthenticated
from event_bus.model.api_keys import ApiKey, proof_of
from event_bus.model.circuit import Circuit
from event_bus.model.registration import (
    Subscription,
    SubscriptionChange,
    SubscriptionRegistration,
)
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.scopes import Scope
from event_bus.model.target import HttpTarget, SqsTarget
from event_bus.model.validation import read
from event_bus.queues.replays import ReplayQueue
from event_bus.registry import subscriptions as registry_module
from event_bus.registry.keys import MAX_KEYS
from event_bus.registry.managed_queues import ManagedQueues
from event_bus.registry.opt_ins import OptIns
from event_bus.registry.subscriptions import SubscriptionQuery, SubscriptionRegistry
from event_bus.stores.items import Item
from event_bus.stores.subscriptions import SubscriptionStore
from event_bus.stores.transactions import transact

from tests.aws import RETENTION_DAYS, TARGETS, Aws
from tests.builders import AN_ADMIN, NOON, key, publisher, service, subscription

KEY = "a-key-that-was-chosen"
WORKER = service("worker")


def registration(**members: Any) -> SubscriptionRegistration:
    sent = {"event_types": ["task.*"], "callback_url": "https://worker.example/events", **members}
    return read(SubscriptionRegistration, sent)


def change(**members: Any) -> SubscriptionChange:
    return read(SubscriptionChange, members)


PREFIX = "eventbus-test-"


def managed(**members: Any) -> SubscriptionRegistration:
    target = {"type": "sqs", "managed": True}
    return read(SubscriptionRegistration, {"event_types": ["task.*"], "target": target, **members})


def queues(aws: Aws) -> list[str]:
    urls = aws.sqs.list_queues(QueueNamePrefix=PREFIX).get("QueueUrls", [])
    return sorted(url.rpartition("/")[2].removeprefix(PREFIX) for url in urls)


def with_key(key: str) -> dict[str, Any]:
    return {"authentication": {"type": "api_key", "api_key": key}}


class Owned:
    """A client of queues of which some are opted in."""

    def list_queue_tags(self, *, QueueUrl: str) -> Any:  # noqa: N803
        return {"Tags": {"event-bus-test": "target"}} if "open" in QueueUrl else {}


OWNED = Owned()


def registry_over(aws: Aws, store: SubscriptionStore, most: int = 100) -> SubscriptionRegistry:
    return SubscriptionRegistry(
        store,
        aws.publishers,
        aws.keys,
        aws.circuits,
        aws.paces,
        aws.replays,
        ReplayQueue(aws.sqs, aws.queue()),
        ManagedQueues(aws.sqs, PREFIX, settling_seconds=0),
        OptIns("000000000000", "event-bus-test", [], lambda _: OWNED),
        aws.inboxes,
        aws.signing_secrets,
        Handshake(CallbackClient([ip_network("127.0.0.0/8")]), "bus.example"),
        most,
        aws.hearing,
    )


@pytest.fixture
def registry(aws: Aws) -> SubscriptionRegistry:
    return registry_over(aws, aws.subscriptions)


def pointers(refusal: pytest.ExceptionInfo[Problem]) -> list[str]:
    return [fault.pointer for fault in refusal.value.faults]


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
        transact(aws.dynamodb, [aws.publishers.adding(publisher("worker"))])
        aws.add_keys(key(KEY, "worker"))
        original = aws.dynamodb.transact_write_items

        def overtaken(**request: Any) -> Any:
            monkeypatch.setattr(aws.dynamodb, "transact_write_items", original)
            aws.revoke(key(KEY, "worker"))
            return original(**request)

        monkeypatch.setattr(aws.dynamodb, "transact_write_items", overtaken)
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
        transact(aws.dynamodb, [aws.keys.putting(key(KEY, "other"))])
        with pytest.raises(Conflict) as refusal:
            registry.register(registration(service_id="worker", **with_key(KEY)), AN_ADMIN)
        assert pointers(refusal) == ["/authentication/api_key"]
        assert list(aws.subscriptions.routing_rules()) == []

    def test_a_key_makes_none_that_permits_more(
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

    def test_no_way_leads_past_the_limit_of_keys(
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

    def test_a_service_has_so_many_subscriptions(self, aws: Aws) -> None:
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
        transact(aws.dynamodb, [aws.publishers.adding(publisher("worker"))])
        made = aws.subscriptions.create(subscription())
        aws.add_keys(ApiKey("ebk_1", "worker", NOON))
        registry.remove(made.id, WORKER)
        assert len(aws.keys.ring("worker").keys) == 1

    def test_a_service_that_subscribes_again_meanwhile_keeps_its_keys(
        self, aws: Aws, registry: SubscriptionRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = aws.subscriptions.create(subscription())
        aws.add_keys(ApiKey("ebk_1", "worker", NOON))
        original = aws.dynamodb.transact_write_items

        def overtaken(**request: Any) -> Any:
            monkeypatch.setattr(aws.dynamodb, "transact_write_items", original)
            registry.register(registration(), service("worker", "ebk_1"))
            return original(**request)

        monkeypatch.setattr(aws.dynamodb, "transact_write_items", overtaken)
        registry.remove(made.id, WORKER)
        assert len(aws.keys.ring("worker").keys) == 1
        assert aws.subscriptions.counts.of("worker").subscriptions == 1

    def test_a_key_that_is_made_meanwhile_goes_too(
        self, aws: Aws, registry: SubscriptionRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = aws.subscriptions.create(subscription())
        aws.add_keys(ApiKey("ebk_1", "worker", NOON))
        original = aws.dynamodb.transact_write_items

        def overtaken(**request: Any) -> Any:
            monkeypatch.setattr(aws.dynamodb, "transact_write_items", original)
            aws.add_keys(ApiKey("ebk_2", "worker", NOON))
            return original(**request)

        monkeypatch.setattr(aws.dynamodb, "transact_write_items", overtaken)
        registry.remove(made.id, WORKER)
        assert aws.keys.find("ebk_2") is None

    def test_keys_of_a_service_that_is_gone_are_not_revived(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        # As an earlier release left them behind.
        aws.add_keys(key(KEY, "worker", scopes=("read",)), ApiKey("ebk_2", "worker", NOON))
        made = registry.register(registration(service_id="worker", **with_key(KEY)), AN_ADMIN)
        assert made.api_key is None
        [only] = aws.keys.ring("worker").keys
        assert (only.id, only.scopes) == (key(KEY).id, None)
        assert aws.keys.find("ebk_2") is None


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


@dataclass(frozen=True, slots=True)
class BusyStore(SubscriptionStore):
    """Has somebody else set one of these URLs just before each write."""

    urls: list[str] = field(default_factory=list)

    def _interfere(self, subscription_id: str) -> None:
        if not self.urls:
            return
        current = self.get(subscription_id)
        assert current
        SubscriptionStore.update(self, replace(current, target=HttpTarget(self.urls.pop(0))))

    def update(self, subscription: Subscription, *further: Item) -> Subscription:
        self._interfere(subscription.id)
        return SubscriptionStore.update(self, subscription, *further)

    def delete(self, subscription: Subscription, *further: Item, last: bool | None = None) -> None:
        self._interfere(subscription.id)
        SubscriptionStore.delete(self, subscription, *further, last=last)


def busy_registry(aws: Aws, *urls: str) -> SubscriptionRegistry:
    tables = aws.tables["subscriptions"], aws.tables["changes"]
    return registry_over(aws, BusyStore(aws.dynamodb, *tables, list(urls)))


@pytest.mark.moto
class TestManagedQueues:
    def test_a_queue_is_made_with_its_subscription_and_removed_with_it(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        made = registry.register(managed(), WORKER).subscription
        assert isinstance(made.target, SqsTarget)
        assert queues(aws) == [made.id, f"{made.id}-redrive"]
        attributes = aws.sqs.get_queue_attributes(
            QueueUrl=made.target.queue_url, AttributeNames=["All"]
        )["Attributes"]
        assert attributes["QueueArn"] == made.target.queue
        assert f"{made.id}-redrive" in attributes["RedrivePolicy"]
        assert "aws:SecureTransport" in attributes["Policy"]
        registry.remove(made.id, WORKER)
        assert queues(aws) == []

    def test_an_ordered_one_keeps_its_order(self, aws: Aws, registry: SubscriptionRegistry) -> None:
        made = registry.register(managed(ordered=True), WORKER).subscription
        assert queues(aws) == [f"{made.id}-redrive.fifo", f"{made.id}.fifo"]
        registry.remove(made.id, WORKER)
        assert queues(aws) == []

    def test_what_is_not_registered_has_no_queue(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        transact(aws.dynamodb, [aws.keys.putting(key(KEY, "other"))])
        with pytest.raises(Conflict):
            registry.register(managed(service_id="worker", **with_key(KEY)), AN_ADMIN)
        assert queues(aws) == []

    def test_a_queue_that_is_gone_does_not_keep_its_subscription(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        made = registry.register(managed(), WORKER).subscription
        assert isinstance(made.target, SqsTarget)
        aws.sqs.delete_queue(QueueUrl=made.target.queue_url)
        registry.remove(made.id, WORKER)
        assert queues(aws) == []

    def test_a_managed_queue_stays(
        self, registry: SubscriptionRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = registry.register(managed(), WORKER).subscription
        other = SqsTarget("arn:aws:sqs:us-east-1:000000000000:other", "https://sqs/other")
        monkeypatch.setattr(SubscriptionChange, "chosen_target", lambda _: other)
        elsewhere = change(target={"type": "sqs", "managed": True})
        with pytest.raises(InvalidRequest) as refusal:
            registry.change(made.id, elsewhere, WORKER)
        assert pointers(refusal) == ["/target"]

    def test_a_managed_queue_may_be_named_as_it_is(self, registry: SubscriptionRegistry) -> None:
        made = registry.register(managed(), WORKER).subscription
        same = change(name="New", target={"type": "sqs", "managed": True})
        assert registry.change(made.id, same, WORKER).target == made.target


ROLE = "arn:aws:iam::000000000000:role/event-bus-delivery"
GIVEN = "event-bus/000000000000/us-east-1/prod/worker"


class TestTargetsOfOwners:
    @pytest.fixture(autouse=True)
    def _told(self, tell: Callable[..., None]) -> None:
        tell(STAGE="prod", **TARGETS)

    def test_a_target_that_is_not_opted_in_is_not_registered(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        with pytest.raises(InvalidRequest) as refusal:
            registry.register(to_queue("closed"), WORKER)
        assert pointers(refusal) == ["/target/queue"]
        assert aws.subscriptions.page("worker", None, 10) == []
        assert registry.register(to_queue("open"), WORKER)

    def test_a_subscription_moves_to_what_is_opted_in_alone(
        self, registry: SubscriptionRegistry
    ) -> None:
        made = registry.register(to_queue("open"), WORKER).subscription
        with pytest.raises(InvalidRequest) as refusal:
            registry.change(made.id, change(target=queue_target("closed")), WORKER)
        assert pointers(refusal) == ["/target/queue"]
        assert registry.get(made.id, WORKER) == made
        moved = registry.change(made.id, change(target=queue_target("open-too")), WORKER)
        assert moved.target != made.target

    def test_what_stays_is_not_asked_for_again(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        """A subscription whose target has lost its tag can still be changed, or disabled."""
        target = read(SubscriptionChange, {"target": queue_target("closed")}).chosen_target()
        assert target
        made = aws.subscriptions.create(subscription(service_id="worker", target=target))
        same = change(name="New", target=queue_target("closed"))
        assert registry.change(made.id, same, WORKER).name == "New"

    def test_a_role_is_given_an_id_of_this_deployment(self, registry: SubscriptionRegistry) -> None:
        made = registry.register(to_queue("closed", role_arn=ROLE), WORKER).subscription
        assert external_id(made) == GIVEN
        assert external_id(registry.get(made.id, WORKER)) == GIVEN
        without = registry.register(to_queue("open"), WORKER).subscription
        assert external_id(without) is None

    @pytest.mark.parametrize("known", [None, GIVEN])
    def test_the_id_stays_with_its_role(
        self, aws: Aws, registry: SubscriptionRegistry, known: str | None
    ) -> None:
        named = read(SubscriptionChange, {"target": queue_target("a", role_arn=ROLE)})
        target = named.chosen_target()
        assert isinstance(target, SqsTarget)
        stored = subscription(service_id="worker", target=replace(target, external_id=known))
        made = aws.subscriptions.create(stored)
        same = registry.change(made.id, change(target=queue_target("a", role_arn=ROLE)), WORKER)
        assert same.target == made.target
        moved = registry.change(made.id, change(target=queue_target("b", role_arn=ROLE)), WORKER)
        assert moved.target != made.target
        assert external_id(moved) == known
        other = change(target=queue_target("b", role_arn=f"{ROLE}-2"))
        assert external_id(registry.change(made.id, other, WORKER)) == GIVEN


def queue_target(name: str, **members: Any) -> dict[str, Any]:
    return {"type": "sqs", "queue": f"arn:aws:sqs:us-east-1:000000000000:{name}", **members}


def to_queue(name: str, **members: Any) -> SubscriptionRegistration:
    target = queue_target(name, **members)
    return read(SubscriptionRegistration, {"event_types": ["task.*"], "target": target})


def external_id(made: Subscription) -> str | None:
    assert isinstance(made.target, SqsTarget)
    return made.target.external_id


class TestChanging:
    def test_what_is_named_changes_and_the_rest_stays(self, registry: SubscriptionRegistry) -> None:
        made = registry.register(registration(filters={"task.*": {"a": [1]}}), WORKER).subscription
        changed = registry.change(made.id, change(name="New", status="disabled"), WORKER)
        expected = replace(
            made,
            name="New",
            status="disabled",
            version=changed.version,
            updated_at=changed.updated_at,
        )
        assert changed == expected == registry.get(made.id, WORKER)
        assert changed.version > made.version

    def test_filters_are_replaced_as_a_whole(self, registry: SubscriptionRegistry) -> None:
        made = registry.register(registration(filters={"task.*": {"a": [1]}}), WORKER).subscription
        changed = registry.change(made.id, change(filters={"*": {"b": [2]}}), WORKER)
        assert changed.filters == {"*": {"b": [2]}}

    def test_filters_and_types_must_still_fit(self, registry: SubscriptionRegistry) -> None:
        made = registry.register(registration(filters={"task.*": {"a": [1]}}), WORKER).subscription
        with pytest.raises(InvalidRequest) as refusal:
            registry.change(made.id, change(event_types=["role.*"]), WORKER)
        assert pointers(refusal) == ["/filters/task.*"]
        assert registry.get(made.id, WORKER) == made
        both = change(event_types=["role.*"], filters={"role.*": {"a": [1]}})
        assert registry.change(made.id, both, WORKER).event_types == ["role.*"]

    def test_no_member_becomes_null(self, registry: SubscriptionRegistry) -> None:
        made = registry.register(registration(), WORKER).subscription
        with pytest.raises(InvalidRequest) as refusal:
            registry.change(made.id, change(name=None, filters=None), WORKER)
        assert sorted(pointers(refusal)) == ["/filters", "/name"]

    def test_only_the_owner_or_an_admin_changes(self, registry: SubscriptionRegistry) -> None:
        made = registry.register(registration(), WORKER).subscription
        with pytest.raises(NotFound):
            registry.change(made.id, change(name="Mine now"), service("other"))
        assert registry.change(made.id, change(name="Admin's"), AN_ADMIN).name == "Admin's"

    def test_changes_of_others_meanwhile_are_kept(self, aws: Aws) -> None:
        made = aws.subscriptions.create(subscription())
        busy = busy_registry(aws, "https://a/", "https://b/")
        changed = busy.change(made.id, change(name="New"), WORKER)
        assert (changed.name, changed.target) == ("New", HttpTarget("https://b/"))
        assert aws.subscriptions.get(made.id) == changed

    def test_whoever_loses_again_and_again_is_told(self, aws: Aws) -> None:
        made = aws.subscriptions.create(subscription())
        busy = busy_registry(aws, *["https://a/"] * 99)
        with pytest.raises(Conflict):
            busy.change(made.id, change(name="New"), WORKER)
        stored = aws.subscriptions.get(made.id)
        assert stored is not None
        assert stored.name == made.name


class TestRemoving:
    def test_what_is_removed_is_gone(self, aws: Aws, registry: SubscriptionRegistry) -> None:
        made = registry.register(registration(), WORKER).subscription
        registry.remove(made.id, WORKER)
        with pytest.raises(NotFound):
            registry.remove(made.id, WORKER)
        assert not aws.routing_rules_after(made.version)[0].active

    def test_only_the_owner_or_an_admin_removes(self, registry: SubscriptionRegistry) -> None:
        made = registry.register(registration(), WORKER).subscription
        with pytest.raises(NotFound):
            registry.remove(made.id, service("other"))
        registry.remove(made.id, AN_ADMIN)

    def test_a_change_meanwhile_does_not_save_it(self, aws: Aws) -> None:
        made = aws.subscriptions.create(subscription())
        busy = busy_registry(aws, "https://a/", "https://b/")
        busy.remove(made.id, WORKER)
        assert aws.subscriptions.get(made.id) is None


class TestRecovering:
    def test_a_policy_is_kept_whole(self, registry: SubscriptionRegistry) -> None:
        asked = registration(retry_policy={"schedule": [1, 2]}, ordered=True)
        made = registry.register(asked, WORKER).subscription
        policy = RetryPolicy(max_attempts=3, schedule=[1, 2])
        assert (made.retry_policy, made.ordered) == (policy, True)
        assert registry.get(made.id, WORKER) == made
        changed = registry.change(made.id, change(retry_policy={"max_attempts": 2}), WORKER)
        assert changed.retry_policy == RetryPolicy(max_attempts=2)

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

    def test_who_is_enabled_again_begins_anew(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        made = registry.register(registration(), WORKER).subscription
        disabler = Disabler(aws.subscriptions, aws.events, RETENTION_DAYS)
        disabler.disable(made.id, "a reason")
        aws.circuits.put(made.id, Circuit(state="open", version=1))
        assert registry.get(made.id, WORKER).disabled_reason == "a reason"
        registry.change(made.id, change(name="Other"), WORKER)
        assert aws.circuits.get_many([made.id])
        enabled = registry.change(made.id, change(status="active"), WORKER)
        assert (enabled.status, enabled.disabled_reason) == ("active", None)
        assert not aws.circuits.get_many([made.id])

    def test_it_is_disabled_once_and_tells_of_it_once(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        made = registry.register(registration(), WORKER).subscription
        disabler = Disabler(aws.subscriptions, aws.events, RETENTION_DAYS)
        for _ in range(3):
            disabler.disable(made.id, "a reason")
        disabler.disable("sub_none", "a reason")
        told = aws.events.get(f"eventbus:disabled_{made.id}_{made.version}")
        assert told
        assert (told.type, told.source) == ("eventbus.subscription.disabled", "eventbus")
        assert b'"reason":"a reason"' in (told.payload or b"")
        assert registry.get(made.id, WORKER).version == made.version + 1
