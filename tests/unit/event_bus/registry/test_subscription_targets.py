"""Targets are opted in by their owners, or provided by the bus."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from event_bus.errors import Conflict, InvalidRequest
from event_bus.model.subscription import Subscription
from event_bus.registry.subscription_requests import SubscriptionChange, SubscriptionRegistration
from event_bus.registry.subscriptions import SubscriptionRegistry
from event_bus.requests.validation import read
from event_bus.targets.sqs import SqsTarget

from tests.aws import TARGETS, Aws
from tests.builders import AN_ADMIN, key, subscription
from tests.refusals import pointers
from tests.unit.event_bus.registry.subscribing import (
    KEY,
    PREFIX,
    WORKER,
    change,
    managed,
    with_key,
)

ROLE = "arn:aws:iam::000000000000:role/event-bus-delivery"
GIVEN = "event-bus/000000000000/us-east-1/prod/worker"


def queues(aws: Aws) -> list[str]:
    urls = aws.sqs.list_queues(QueueNamePrefix=PREFIX).get("QueueUrls", [])
    return sorted(url.rpartition("/")[2].removeprefix(PREFIX) for url in urls)


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

    def test_a_refused_registration_leaves_no_queue(
        self, aws: Aws, registry: SubscriptionRegistry
    ) -> None:
        aws.put_keys(key(KEY, "other"))
        with pytest.raises(Conflict):
            registry.register(managed(service_id="worker", **with_key(KEY)), AN_ADMIN)
        assert queues(aws) == []

    @pytest.mark.parametrize("recently", ["sub_1", "sub_1-redrive"])
    def test_a_queue_that_was_removed_a_moment_ago_is_made_a_minute_later(
        self,
        aws: Aws,
        registry: SubscriptionRegistry,
        monkeypatch: pytest.MonkeyPatch,
        recently: str,
    ) -> None:
        create = aws.sqs.create_queue

        def refuse(**asked: Any) -> Any:
            if asked["QueueName"] != PREFIX + recently:
                return create(**asked)
            error: Any = {"Error": {"Code": "AWS.SimpleQueueService.QueueDeletedRecently"}}
            raise aws.sqs.exceptions.QueueDeletedRecently(error, "CreateQueue")

        with monkeypatch.context() as patch:
            patch.setattr(aws.sqs, "create_queue", refuse)
            with pytest.raises(Conflict) as refusal:
                registry.register(managed(), WORKER, "sub_1")
        assert refusal.value.headers == {"retry-after": "60"}
        # Without a removal, which would begin another minute.
        assert queues(aws) == (["sub_1-redrive"] if recently == "sub_1" else [])
        registry.register(managed(), WORKER, "sub_1")
        assert queues(aws) == ["sub_1", "sub_1-redrive"]

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
        monkeypatch.setattr(SubscriptionChange, "chosen_target", lambda *_: other)
        elsewhere = change(target={"type": "sqs", "managed": True})
        with pytest.raises(InvalidRequest) as refusal:
            registry.change(made.id, elsewhere, WORKER)
        assert pointers(refusal) == ["/target"]

    def test_a_managed_queue_may_be_named_as_it_is(self, registry: SubscriptionRegistry) -> None:
        made = registry.register(managed(), WORKER).subscription
        same = change(name="New", target={"type": "sqs", "managed": True})
        assert registry.change(made.id, same, WORKER).target == made.target


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

    def test_an_unchanged_target_needs_no_new_opt_in(
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
