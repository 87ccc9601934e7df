"""A function that stood still for long ends nothing that continues a stream.

Another function has received its message meanwhile, has let the event wait in the table, and so has
deleted the message.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from event_bus.model.registration import Subscription
from event_bus.model.retry_policy import RetryPolicy
from event_bus.queues.lanes import Lanes, NotSent
from event_bus.queues.message import Message
from event_bus.stores.cursors import CursorStore
from event_bus.stores.streams import StreamStore

from tests.aws import Aws
from tests.builders import message, replay
from tests.unit.event_bus.delivery.lanes import REFUSED, Trial, received, trial
from tests.unit.event_bus.delivery.ordered_streams import make_due, ordered, overtaken, store

__all__ = ["trial"]

LATE = RetryPolicy(schedule=[3_600], max_attempts=3)


def _broken(*_: object, **__: object) -> Any:
    raise ConnectionError("no answer")


def _lapsed(aws: Aws) -> None:
    """Ends the leases of all cursors."""
    for item in aws.dynamodb.scan(TableName=aws.tables["cursors"])["Items"]:
        aws.dynamodb.update_item(
            TableName=aws.tables["cursors"],
            Key={"owner": item["owner"], "name": item["name"]},
            UpdateExpression="SET held_until = :past",
            ExpressionAttributeValues={":past": {"N": "0"}},
        )


def _fails(trial: Trial, aws: Aws, asked: Message, _to: Subscription) -> None:
    trial.target.script[asked.event_id] = REFUSED
    assert trial.take(asked) == []
    del trial.target.script[asked.event_id]


def _pauses(trial: Trial, aws: Aws, asked: Message, to: Subscription) -> None:
    paused = aws.subscriptions.update(replace(to, status="paused"))
    assert trial.take(replace(asked, subscription_version=paused.version)) == []


def _stands_still(
    trial: Trial,
    aws: Aws,
    asked: Message,
    to: Subscription,
    other: Callable[[Trial, Aws, Message, Subscription], None],
    then: Callable[[], None],
) -> None:
    """Lets another function take a message while the attempt of that message is made."""

    def meet() -> None:
        trial.target.meet = lambda: None
        _lapsed(aws)
        other(trial, aws, asked, to)
        assert trial.outcome(asked.event_id, replay=asked.replay_id).waiting
        assert trial.sent() == []
        then()

    trial.target.meet = meet


@pytest.mark.parametrize("other", [_fails, _pauses])
def test_a_message_is_sent_before_a_wait_ends(
    trial: Trial,
    aws: Aws,
    monkeypatch: pytest.MonkeyPatch,
    other: Callable[[Trial, Aws, Message, Subscription], None],
) -> None:
    to, (first, _) = ordered(aws, retry_policy=LATE), store(aws, "evt_1", "evt_2")
    asked = message(first, to)
    with monkeypatch.context() as patch:
        # The function fails before it continues the stream, or sends what follows.
        fail = partial(patch.setattr, CursorStore, "release", _broken)
        _stands_still(trial, aws, asked, to, other, fail)
        assert trial.take(asked) == [received(asked).id]
    assert trial.outcome("evt_1").status == "delivered"
    [following] = trial.sent()
    assert (following.event_id, following.delay) == ("evt_1", 60)
    _lapsed(aws)
    current = aws.subscriptions.get("sub_1")
    assert current
    aws.subscriptions.update(replace(current, status="active"))
    trial.now[0] += 60
    assert trial.take(following) == []
    assert trial.outcome("evt_2").status == "delivered"


def test_a_replay_continues_up_to_its_last_message(
    trial: Trial, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, (first, second) = ordered(aws, retry_policy=LATE), store(aws, "evt_1", "evt_2")
    aws.replays.add(replay())
    asked = replace(message(first, to), replay_id="rpl_1")

    def other(trial: Trial, aws: Aws, asked: Message, to: Subscription) -> None:
        _fails(trial, aws, asked, to)
        assert trial.take(replace(message(second, to), replay_id="rpl_1")) == []

    with monkeypatch.context() as patch:
        fail = partial(patch.setattr, CursorStore, "release", _broken)
        _stands_still(trial, aws, asked, to, other, fail)
        trial.take(asked)
    _lapsed(aws)
    [following] = trial.sent()
    assert trial.take(following) == []
    assert trial.outcome("evt_2", replay="rpl_1").status == "delivered"


def test_a_wait_does_not_end_if_the_message_cannot_be_sent(
    trial: Trial, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, (first, _) = ordered(aws, retry_policy=LATE), store(aws, "evt_1", "evt_2")
    asked = message(first, to)

    def refuse(_lanes: Lanes, messages: list[Message]) -> list[Message]:
        if messages:
            raise NotSent("throttled")
        return []

    with monkeypatch.context() as patch:
        _stands_still(
            *(trial, aws, asked, to, _fails), partial(patch.setattr, Lanes, "send", refuse)
        )
        trial.take(asked)
    stands = trial.outcome("evt_1")
    assert (stands.status, stands.waiting) == ("retrying", True)


def test_no_message_is_sent_if_its_own_message_continues_a_stream(trial: Trial, aws: Aws) -> None:
    to, (first, _) = ordered(aws), store(aws, "evt_1", "evt_2")
    trial.target.script["evt_1"] = REFUSED
    trial.take(message(first, to))
    [retry] = trial.sent()
    trial.target.script.clear()
    make_due(aws, "evt_1")
    trial.take(retry)
    assert trial.outcome("evt_1").status == "delivered"
    assert trial.sent() == []


def test_a_new_message_follows_a_walk_that_fails_after_its_lease(
    trial: Trial, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, (_, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    asked = message(second, to)
    with monkeypatch.context() as patch:
        patch.setattr(CursorStore, "release", overtaken())
        patch.setattr(StreamStore, "after", _broken)
        assert trial.take(asked) == []
    assert trial.sent() == [asked]


def test_the_retry_of_a_walk_follows_although_its_lease_has_ended(
    trial: Trial, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without it, the failed delivery would wait until its message counts as lost.
    to, (_, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    trial.target.script["evt_1"] = REFUSED
    with monkeypatch.context() as patch:
        patch.setattr(CursorStore, "release", overtaken())
        assert trial.take(message(second, to)) == []
    [retry] = trial.sent()
    assert (retry.event_id, retry.attempt, retry.delay > 0) == ("evt_1", 2, True)
