"""A listener has a subscription that ends by itself."""

import pytest
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.errors import Conflict, Forbidden, InvalidRequest
from event_bus.inbox.listeners import GRACE_SECONDS, Listeners

from tests.aws import Aws
from tests.builders import service, subscription


class Time:
    """The present time, as a test has it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = float(int(times.unix()))
        monkeypatch.setattr(times, "unix", lambda: self.now)


@pytest.fixture
def listeners(aws: Aws) -> Listeners:
    return Listeners(aws.subscriptions, aws.inboxes, 100, aws.subscription_rights)


def test_a_listener_is_a_subscription_that_ends(
    aws: Aws, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Time(monkeypatch)
    begun = listeners.begin(["task.*"], {}, service("llm"), "sse", 120)
    assert aws.subscriptions.get(begun.id) == begun
    assert (begun.service_id, begun.name, begun.event_types, begun.ends_at) == (
        "llm",
        "llm listens",
        ["task.*"],
        time.now + 120,
    )
    assert begun.updated_at == begun.created_at
    time.now += 120 + GRACE_SECONDS
    assert listeners.sweep() == 0
    time.now += 1
    assert listeners.sweep() == 1
    assert aws.subscriptions.get(begun.id) is None
    # The router is told.
    assert [each.active for each in aws.routing_rules_after(0)] == [True, False]
    assert listeners.sweep() == 0


def test_a_listener_lasts_as_long_as_its_client_returns(
    aws: Aws, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Time(monkeypatch)
    begun = listeners.begin(["task.*"], {}, service("llm"), "sse", 120)
    time.now += 50
    assert listeners.prolong(begun, 120)
    # No write while there is time enough.
    unchanged = aws.subscriptions.get(begun.id)
    assert unchanged
    assert unchanged.ends_at == begun.ends_at
    time.now += 60
    assert listeners.prolong(unchanged, 120)
    prolonged = aws.subscriptions.get(begun.id)
    assert prolonged
    assert prolonged.ends_at == time.now + 120
    time.now += 121
    assert not listeners.prolong(prolonged, 120)


def test_only_what_ends_by_itself_is_ended(aws: Aws, listeners: Listeners) -> None:
    durable = aws.subscriptions.create(subscription("sub_1"))
    listeners.end("sub_1")
    listeners.end("sub_none")
    assert aws.subscriptions.get("sub_1") == durable


def test_a_listener_without_the_right_or_with_wrong_filters_is_refused(
    aws: Aws, listeners: Listeners
) -> None:
    with pytest.raises(Forbidden) as refused:
        listeners.begin(["task.*"], {}, Caller("llm", "listener", "sub_1"), "sse", 120)
    assert refused.value.reason == "scope"
    with pytest.raises(InvalidRequest):
        listeners.begin(["task.*"], {"other.*": {}}, service("llm"), "sse", 120)
    assert list(aws.routing_rules_after(0)) == []


def test_a_service_is_told_how_many_listeners_it_may_have(aws: Aws) -> None:
    few = Listeners(aws.subscriptions, aws.inboxes, 1, aws.subscription_rights)
    few.begin(["task.*"], {}, service("llm"), "sse", 120)
    with pytest.raises(Conflict, match="The service llm has 1 listeners, the most that it may"):
        few.begin(["task.*"], {}, service("llm"), "sse", 120)
