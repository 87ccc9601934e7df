"""What a pause has held, and what of it was not sent yet."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from event_bus import times
from event_bus.model.replay import Replay
from event_bus.model.subscription import Subscription
from event_bus.recovery.backlogs import MAX_BACKLOGS, Backlog, Backlogs, backlog_of

from tests.aws import Aws
from tests.builders import LATER, NOON, replay, subscription

HELD = {"held#sub_1#1": 100, "held#sub_1#2": 40, "held#sub_2#2": 7, "held#a#b#3": 5}


def levels_named(names: Iterable[str]) -> dict[str, int]:
    wanted = list(names)
    assert wanted, "nothing is read"
    return {each: HELD.get(each, 0) for each in wanted}


def levels_beginning_with(beginning: str, limit: int) -> dict[str, int]:
    assert limit == MAX_BACKLOGS
    return {name: amount for name, amount in HELD.items() if name.startswith(beginning)}


def backlogs(*replays: Replay) -> Backlogs:
    """Backlogs of which the levels are those of `HELD`."""
    levels: Any = SimpleNamespace(read=levels_named, beginning_with=levels_beginning_with)
    kept: Any = SimpleNamespace(get={each.id: each for each in replays}.get)
    return Backlogs(levels, kept)


def paused(subscription_id: str = "sub_1", **members: Any) -> Subscription:
    return subscription(
        subscription_id, **{"status": "paused", "paused_at": NOON, "pauses": 2, **members}
    )


def resumed(**members: Any) -> Subscription:
    return subscription(pauses=2, backlog_replay_id="rpl_1", **members)


def test_a_paused_subscription_has_what_its_last_pause_holds() -> None:
    found = backlogs().of([paused(), paused("sub_2"), paused("sub_3")])
    assert found == {
        "sub_1": Backlog(40, None),
        "sub_2": Backlog(7, None),
        "sub_3": Backlog(0, None),
    }


def test_a_subscription_that_was_never_paused_costs_no_read() -> None:
    nothing: Any = None
    assert Backlogs(nothing, nothing).of([subscription()]) == {}


@pytest.mark.parametrize(("sent", "left"), [(0, 40), (1, 39), (39, 1), (40, 0), (41, 0)])
def test_a_resumed_subscription_has_what_its_replay_has_not_sent(sent: int, left: int) -> None:
    found = backlogs(replay(pause=2, sent=sent)).of([resumed()])
    assert found == {"sub_1": Backlog(left, "rpl_1")}


@pytest.mark.parametrize("state", ["completed", "cancelled", None])
def test_a_backlog_ends_with_its_replay(state: Any) -> None:
    kept = [replay(pause=2, state=state)] if state else []
    assert backlogs(*kept).of([resumed()]) == {}
    # A subscription that was paused twice has no replay at all, if both were given up.
    assert backlogs().of([subscription(pauses=2)]) == {}


def test_a_pause_that_stops_a_replay_adds_to_its_backlog() -> None:
    again = paused(backlog_replay_id="rpl_1")
    assert backlogs(replay(pause=1, sent=30)).of([again]) == {"sub_1": Backlog(110, "rpl_1")}
    assert backlogs(replay(pause=1, state="cancelled")).of([again]) == {"sub_1": Backlog(40, None)}


def test_every_backlog_is_found_by_what_was_counted(aws: Aws) -> None:
    assert backlogs().all(aws.subscriptions) == {}
    for each in (paused(), paused("a#b", pauses=3), paused("sub_3")):
        aws.subscriptions.create(each)
    # Nothing was counted for the third, and the second of these levels has no subscription now.
    assert backlogs().all(aws.subscriptions) == {
        "sub_1": Backlog(40, None),
        "a#b": Backlog(5, None),
    }


def test_no_subscription_is_read_where_nothing_was_counted() -> None:
    empty: Any = SimpleNamespace(beginning_with=lambda *_: {})
    nothing: Any = None
    assert Backlogs(empty, nothing).all(nothing) == {}


def test_the_replay_of_a_backlog_covers_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "now", lambda: LATER)
    made = backlog_of(paused())
    assert (made.service_id, made.subscription_id, made.pause) == ("worker", "sub_1", 2)
    assert (made.since, made.until) == (NOON, LATER)
    assert (made.created_at, made.updated_at, made.state) == (LATER, LATER, "running")
    # An earlier release did not store when a pause began.
    assert backlog_of(paused(paused_at=None)).since == LATER
