"""A type of commands has one handler, however many services ask to be it."""

from typing import Any

import pytest
from event_bus.errors import Conflict, InvalidRequest
from event_bus.model.command_types import MAX_HANDLED_TYPES
from event_bus.registry.subscriptions import SubscriptionRegistry
from event_bus.stores.handlers import Handler, HandlerStore
from event_bus.targets.http import HttpTarget

from tests.aws import Aws
from tests.builders import service
from tests.interference import before_next
from tests.refusals import pointers
from tests.unit.event_bus.registry.subscribing import (
    WORKER,
    change,
    registration,
    registry_over,
)

OTHER = service("other")


def handler(*event_types: str, **members: Any) -> Any:
    return registration(event_types=list(event_types or ("command.pay",)), handles=True, **members)


@pytest.fixture
def registry(aws: Aws) -> SubscriptionRegistry:
    return registry_over(aws, aws.subscriptions)


@pytest.fixture
def handlers(aws: Aws) -> HandlerStore:
    return aws.subscriptions.handlers


def test_a_handler_acts_once_unless_it_says_otherwise(
    aws: Aws, registry: SubscriptionRegistry, handlers: HandlerStore
) -> None:
    made = registry.register(handler(), WORKER).subscription
    assert (made.handles, made.delivery_guarantee) == (True, "exactly_once")
    assert aws.subscriptions.get(made.id) == made
    assert handlers.of("command.pay") == Handler(made.id, "worker")
    assert [each.handles for each in aws.routing_rules_after(0)] == [True]
    assert [each.handles for each in aws.subscriptions.routing_rules()] == [True]
    other = registry.register(handler("command.b", delivery_guarantee="at_least_once"), WORKER)
    assert other.subscription.delivery_guarantee == "at_least_once"
    plain = registry.register(registration(event_types=["command.pay"]), OTHER).subscription
    assert (plain.handles, plain.delivery_guarantee) == (False, "at_least_once")


def test_a_second_handler_is_refused_and_nothing_of_it_is_stored(
    aws: Aws, registry: SubscriptionRegistry, handlers: HandlerStore
) -> None:
    first = registry.register(handler(), WORKER).subscription
    with pytest.raises(Conflict) as refusal:
        registry.register(handler("command.ship", "command.pay"), OTHER)
    assert pointers(refusal) == ["/event_types/1"]
    assert "worker" not in str(refusal.value.document())
    assert handlers.of("command.ship") is None
    assert handlers.of("command.pay") == Handler(first.id, "worker")
    assert not list(aws.subscriptions.of_service("other"))


def test_of_two_that_register_at_the_same_time_one_is_the_handler(
    aws: Aws, registry: SubscriptionRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    rival = registry_over(aws, aws.subscriptions)
    before_next(aws, monkeypatch, "transact_write_items", lambda: rival.register(handler(), OTHER))
    with pytest.raises(Conflict):
        registry.register(handler(), WORKER)
    found = aws.subscriptions.handlers.of("command.pay")
    assert found
    assert found.service_id == "other"
    assert [each.service_id for each in aws.subscriptions.page(None, None, 9)] == ["other"]


def test_a_type_is_free_again_once_its_handler_is_gone_or_changed(
    registry: SubscriptionRegistry, handlers: HandlerStore
) -> None:
    first = registry.register(handler("command.a", "command.b"), WORKER).subscription
    registry.change(first.id, change(event_types=["command.b", "command.c"]), WORKER)
    assert handlers.of("command.a") is None
    assert handlers.of("command.c") == Handler(first.id, "worker")
    second = registry.register(handler("command.a"), OTHER).subscription
    with pytest.raises(Conflict) as refusal:
        registry.change(first.id, change(event_types=["command.b", "command.a"]), WORKER)
    assert pointers(refusal) == ["/event_types/1"]
    registry.change(first.id, change(handles=False), WORKER)
    assert handlers.of("command.b") is None
    with pytest.raises(Conflict):
        registry.change(
            first.id, change(handles=True, event_types=["command.a"], status="disabled"), WORKER
        )
    registry.remove(second.id, OTHER)
    taken = change(handles=True, event_types=["command.a"], status="disabled")
    registry.change(first.id, taken, WORKER)
    assert handlers.of("command.a") == Handler(first.id, "worker")


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"event_types": ["task.created"]}, "/event_types/0"),
        ({"event_types": ["command.a", "command.*"]}, "/event_types/1"),
        ({"event_types": ["*"]}, "/event_types/0"),
        ({"event_types": ["command"]}, "/event_types/0"),
        ({"event_types": [f"command.a{n}" for n in range(MAX_HANDLED_TYPES + 1)]}, "/event_types"),
        ({"filters": {"command.pay": {"n": [1]}}}, "/filters"),
    ],
)
def test_only_single_command_types_are_handled(
    registry: SubscriptionRegistry, members: dict[str, Any], pointer: str
) -> None:
    sent = {"event_types": ["command.pay"], "handles": True, **members}
    with pytest.raises(InvalidRequest) as refusal:
        registry.register(registration(**sent), WORKER)
    assert pointers(refusal)[0] == pointer
    plain = registry.register(registration(**{**sent, "handles": False}), WORKER).subscription
    with pytest.raises(InvalidRequest) as refused:
        registry.change(plain.id, change(handles=True), WORKER)
    assert pointers(refused)[0] == pointer


def test_as_many_types_as_may_be_are_exchanged_for_others(registry: SubscriptionRegistry) -> None:
    made = registry.register(
        handler(*(f"command.a{n}" for n in range(MAX_HANDLED_TYPES))), WORKER
    ).subscription
    others = [f"command.b{n}" for n in range(MAX_HANDLED_TYPES)]
    assert registry.change(made.id, change(event_types=others), WORKER).event_types == others


def test_a_batch_has_no_reply(registry: SubscriptionRegistry) -> None:
    target = {"type": "http", "url": "https://worker.example/", "reply": True}
    batched = {"format": "cloudevents", "mode": "batched"}
    members = {"callback_url": None, "target": target, "transform": batched}
    with pytest.raises(InvalidRequest) as refusal:
        registry.register(registration(**members), WORKER)
    assert pointers(refusal) == ["/transform/mode"]
    quiet = {**members, "target": {**target, "reply": False}}
    assert registry.register(registration(**quiet), WORKER)


def test_another_url_alone_leaves_the_replies_as_they_were(registry: SubscriptionRegistry) -> None:
    target = {"type": "http", "url": "https://worker.example/", "reply": True}
    made = registry.register(registration(callback_url=None, target=target), WORKER).subscription
    moved = registry.change(made.id, change(callback_url="https://other.example/"), WORKER)
    assert moved.target == HttpTarget("https://other.example/", reply=True)
    named = change(target={"type": "http", "url": "https://other.example/"})
    assert registry.change(made.id, named, WORKER).target == HttpTarget("https://other.example/")
