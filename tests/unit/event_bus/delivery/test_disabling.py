"""A subscription whose subscriber is gone is disabled once, and its owner is told."""

from dataclasses import replace

import orjson
import pytest
from event_bus import times
from event_bus.delivery.disabling import GONE, Disabler
from event_bus.model.event import Event
from event_bus.targets.http import HttpTarget

from tests.aws import Aws
from tests.builders import NOON, subscription
from tests.interference import before_next


def announced(aws: Aws, version: int = 1) -> Event | None:
    """The event that announces that a version of sub_1 was disabled."""
    return aws.events.get(f"eventbus:disabled_sub_1_{version}")


def test_a_disabled_subscription_is_announced_with_the_reason(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = aws.subscriptions.create(subscription())
    later = times.at(times.seconds(NOON) + 60)
    monkeypatch.setattr(times, "now", lambda: later)
    Disabler(aws.announced_changes).disable(to, GONE)
    found = aws.subscriptions.get("sub_1")
    assert found
    assert (found.status, found.disabled_reason, found.updated_at) == ("disabled", GONE, later)
    event = announced(aws, to.version)
    assert event
    assert event.type == "eventbus.subscription.disabled"
    assert orjson.loads(event.payload or b"")["reason"] == GONE


@pytest.mark.parametrize("status", ["disabled", "paused"])
def test_a_subscription_that_receives_nothing_is_left_as_it_is(aws: Aws, status: str) -> None:
    to = aws.subscriptions.create(replace(subscription(), status=status))  # type: ignore[arg-type]
    disabler = Disabler(aws.announced_changes)
    disabler.disable(to, GONE)
    disabler.disable(subscription("sub_404"), GONE)
    assert aws.subscriptions.get("sub_1") == to
    assert announced(aws, to.version) is None


def test_a_change_at_the_same_time_is_kept(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    to = aws.subscriptions.create(subscription())
    renamed = replace(to, name="Another name")
    before_next(aws, monkeypatch, "transact_write_items", lambda: aws.subscriptions.update(renamed))
    Disabler(aws.announced_changes).disable(to, GONE)
    found = aws.subscriptions.get("sub_1")
    assert found
    assert (found.name, found.status) == ("Another name", "disabled")
    assert announced(aws, to.version) is None
    assert announced(aws, to.version + 1)


def test_a_target_that_the_subscription_has_left_does_not_disable_it(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = aws.subscriptions.create(subscription())
    assert isinstance(to.target, HttpTarget)
    moved = replace(to, target=replace(to.target, url="https://new.example/events"))
    # It moves while the first request to disable it is under way.
    before_next(aws, monkeypatch, "transact_write_items", lambda: aws.subscriptions.update(moved))
    disabler = Disabler(aws.announced_changes)
    for _ in range(2):
        disabler.disable(to, GONE)
        found = aws.subscriptions.get("sub_1")
        assert found
        assert (found.target, found.status) == (moved.target, "active")
    disabler.disable(replace(to, target=moved.target), GONE)
    found = aws.subscriptions.get("sub_1")
    assert found
    assert found.status == "disabled"
