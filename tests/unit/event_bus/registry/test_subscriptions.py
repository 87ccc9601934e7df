"""Subscriptions are changed and removed, and no change gets lost."""

from dataclasses import replace

import pytest
from event_bus.callbacks.handshake import Handshake
from event_bus.delivery.disabling import Disabler
from event_bus.errors import Conflict, InvalidRequest, NotFound
from event_bus.model.circuit import Circuit
from event_bus.model.delivery import DeliveryKey
from event_bus.model.pace import Pace
from event_bus.model.retry_policy import RetryPolicy
from event_bus.registry.subscriptions import SubscriptionRegistry
from event_bus.stores.paces import PaceStore
from event_bus.targets.http import HttpTarget
from event_bus.targets.inbox import InboxTarget

from tests.aws import Aws
from tests.builders import AN_ADMIN, service, subscription
from tests.refusals import pointers
from tests.unit.event_bus.registry.subscribing import (
    WORKER,
    busy_registry,
    change,
    registration,
)


class TestChanging:
    def test_a_change_keeps_members_that_it_does_not_name(
        self, registry: SubscriptionRegistry
    ) -> None:
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

    def test_an_endpoint_is_asked_once_however_many_changes_overlap(
        self, aws: Aws, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made, asked = aws.subscriptions.create(subscription()), list[str]()
        monkeypatch.setattr(Handshake, "ask", lambda _, url: asked.append(url))
        busy = busy_registry(aws, "https://a/", "https://b/", "https://c/")
        changed = busy.change(made.id, change(callback_url="https://d/", verify=True), WORKER)
        assert (changed.target, asked) == (HttpTarget("https://d/"), ["https://d/"])
        assert changed.verified_at
        # Without a URL, that of the subscription is asked, and a new one if another change sets
        # it meanwhile.
        busy = busy_registry(aws, "https://e/", "https://e/")
        changed = busy.change(made.id, change(verify=True), WORKER)
        assert changed.target == HttpTarget("https://e/")
        assert asked == ["https://d/", "https://d/", "https://e/"]
        # Each request asks anew.
        busy.change(made.id, change(verify=True), WORKER)
        assert asked[3:] == ["https://e/"]

    def test_no_endpoint_is_asked_if_the_change_says_so(
        self, aws: Aws, registry: SubscriptionRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made, asked = aws.subscriptions.create(subscription()), list[str]()
        monkeypatch.setattr(Handshake, "ask", lambda _, url: asked.append(url))
        changed = registry.change(made.id, change(name="New", verify=False), WORKER)
        assert (changed.name, changed.verified_at, asked) == ("New", None, [])

    def test_a_change_that_keeps_losing_is_refused(self, aws: Aws) -> None:
        made = aws.subscriptions.create(subscription())
        busy = busy_registry(aws, *["https://a/"] * 99)
        with pytest.raises(Conflict):
            busy.change(made.id, change(name="New"), WORKER)
        stored = aws.subscriptions.get(made.id)
        assert stored is not None
        assert stored.name == made.name


class TestRemoving:
    def test_a_removed_subscription_is_not_found_and_not_routed(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        made = registry.register(registration(), WORKER).subscription
        registry.remove(made.id, WORKER)
        with pytest.raises(NotFound):
            registry.remove(made.id, WORKER)
        assert not aws.routing_rules_after(made.version)[0].active

    def test_the_circuit_of_a_removed_subscription_is_not_counted(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        made = registry.register(registration(), WORKER).subscription
        assert aws.circuits.put(made.id, Circuit(state="open", version=1))
        registry.remove(made.id, WORKER)
        assert list(aws.circuits.all()) == []

    def test_only_the_owner_or_an_admin_removes(self, registry: SubscriptionRegistry) -> None:
        made = registry.register(registration(), WORKER).subscription
        with pytest.raises(NotFound):
            registry.remove(made.id, service("other"))
        registry.remove(made.id, AN_ADMIN)

    def test_its_inbox_expires(self, aws: Aws, registry: SubscriptionRegistry) -> None:
        made = aws.subscriptions.create(subscription(target=InboxTarget("pull")))
        aws.inboxes.append(made.id, [DeliveryKey("evt_1", made.id)])
        registry.remove(made.id, WORKER)
        items = aws.dynamodb.scan(TableName=aws.tables["inbox"])["Items"]
        assert sorted(int(item["position"]["N"]) for item in items) == [0, 1]
        assert all("expires_at" in item for item in items)

    def test_nothing_is_written_about_an_inbox_that_it_does_not_have(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        made = aws.subscriptions.create(subscription(target=HttpTarget("https://a/")))
        registry.remove(made.id, WORKER)
        assert aws.dynamodb.scan(TableName=aws.tables["inbox"])["Items"] == []

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

    def test_another_rate_limit_forgets_the_turns_under_the_former_one(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        made = registry.register(registration(rate_limit=0.01), WORKER).subscription
        aws.paces.put_anew(made.id, Pace("slow", next_turn=9e9, rate=0.01))
        registry.change(made.id, change(name="New", rate_limit=0.01), WORKER)
        assert aws.paces.get(made.id) == Pace("slow", next_turn=9e9, rate=0.01, version=2)
        registry.change(made.id, change(rate_limit=None), WORKER)
        assert aws.paces.get(made.id) == Pace("slow", series=1, version=3)

    @pytest.mark.parametrize("status", ["active", "paused"])
    def test_an_enabled_subscription_does_not_wait_for_turns_of_before(
        self, aws: Aws, registry: SubscriptionRegistry, status: str
    ) -> None:
        made = registry.register(registration(rate_limit=0.01), WORKER).subscription
        unlimited = registry.register(registration(), WORKER).subscription
        taken = Pace("slow", next_turn=9e9, rate=0.01)
        aws.paces.put_anew(made.id, taken)
        aws.paces.put_anew(unlimited.id, Pace("slow"))
        for change_of_status, waiting in (("paused", True), ("disabled", True), (status, False)):
            for each in (made, unlimited):
                registry.change(each.id, change(status=change_of_status), WORKER)
            pace = aws.paces.get(made.id)
            assert pace
            assert (pace.next_turn == 9e9) is waiting
            assert pace.series == (0 if waiting else 1)
            # Without a limit, nobody takes turns, and enabling costs no write.
            assert aws.paces.get(unlimited.id) == Pace("slow", version=2)

    def test_turns_begin_anew_even_if_enabling_is_interrupted(
        self, aws: Aws, registry: SubscriptionRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forget = PaceStore.forget_turns

        def interrupted(*_: object) -> None:
            monkeypatch.setattr(PaceStore, "forget_turns", forget)
            raise TimeoutError

        made = registry.register(registration(rate_limit=0.01), WORKER).subscription
        aws.paces.put_anew(made.id, Pace("slow", next_turn=9e9, rate=0.01))
        registry.change(made.id, change(status="disabled"), WORKER)
        monkeypatch.setattr(PaceStore, "forget_turns", interrupted)
        with pytest.raises(TimeoutError):
            registry.change(made.id, change(status="active"), WORKER)
        registry.change(made.id, change(status="active"), WORKER)
        pace = aws.paces.get(made.id)
        assert pace
        assert (pace.next_turn, pace.series) == (0.0, 1)

    def test_another_target_gets_no_turn_that_was_given_before(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        made = registry.register(registration(rate_limit=0.1), WORKER).subscription
        aws.paces.put_anew(made.id, Pace("slow", next_turn=9e9, rate=0.1))
        registry.change(made.id, change(callback_url="https://other.example/e"), WORKER)
        pace = aws.paces.get(made.id)
        assert pace
        assert (pace.state, pace.next_turn, pace.rate, pace.series) == ("trial", 9e9, 0.1, 0)
        moved = change(callback_url="https://third.example/e", rate_limit=5)
        registry.change(made.id, moved, WORKER)
        pace = aws.paces.get(made.id)
        assert pace
        assert (pace.state, pace.next_turn, pace.rate, pace.series) == ("trial", 0.0, None, 1)
        registry.change(made.id, change(callback_url="https://fourth.example/e"), WORKER)
        pace = aws.paces.get(made.id)
        # Waiting messages keep their turns.
        assert pace
        assert pace.series == 1

    def test_a_subscription_that_is_enabled_again_starts_without_failures(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        made = registry.register(registration(), WORKER).subscription
        disabler = Disabler(aws.announced_changes)
        disabler.disable(made, "a reason")
        aws.circuits.put(made.id, Circuit(state="open", version=1))
        assert registry.get(made.id, WORKER).disabled_reason == "a reason"
        registry.change(made.id, change(name="Other"), WORKER)
        assert aws.circuits.get_many([made.id])
        enabled = registry.change(made.id, change(status="active"), WORKER)
        assert (enabled.status, enabled.disabled_reason) == ("active", None)
        assert not aws.circuits.get_many([made.id])

    def test_a_subscription_is_disabled_and_announced_once(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        made = registry.register(registration(), WORKER).subscription
        disabler = Disabler(aws.announced_changes)
        for _ in range(3):
            disabler.disable(made, "a reason")
        disabler.disable(replace(made, id="sub_none"), "a reason")
        told = aws.events.get(f"eventbus:disabled_{made.id}_{made.version}")
        assert told
        assert (told.type, told.source) == ("eventbus.subscription.disabled", "eventbus")
        assert b'"reason":"a reason"' in (told.payload or b"")
        assert registry.get(made.id, WORKER).version == made.version + 1
