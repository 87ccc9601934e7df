"""A service replays to itself, an admin and an event's publisher to everybody."""

import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.errors import Conflict, InvalidRequest, NotFound
from event_bus.model.replay import Replay
from event_bus.queues.replays import ReplayQueue
from event_bus.recovery.replays import SEAM_SECONDS, Replays, history_for, refuse_future
from event_bus.requests.replay import EventReplayRequest, ReplayRequest
from event_bus.requests.validation import read

from tests.aws import Aws
from tests.builders import AN_ADMIN, NOON, event, replay, service, subscription

NOW = "2026-05-02T12:00:00.000Z"
LATEST = "2026-05-02T12:05:00.000Z"
"""The latest timestamp of what is stored at `NOW`."""


@pytest.fixture
def replays(aws: Aws) -> Replays:
    for each in ("worker", "llm"):
        aws.subscriptions.create(subscription(f"sub_{each}", each))
    return Replays(
        aws.replays,
        ReplayQueue(aws.sqs, aws.queue()),
        aws.subscriptions.get,
        lambda event_id, _: event(event_id),
    )


@pytest.mark.parametrize(
    ("caller", "audience"),
    [(AN_ADMIN, None), (service("planner"), None), (service("worker"), "worker")],
)
def test_an_event_is_replayed_to_the_caller_unless_it_may_address_all(
    replays: Replays, caller: Caller, audience: str | None
) -> None:
    made = replays.of_event("evt_1", read(EventReplayRequest, {}), caller)
    assert (made.audience, made.service_id) == (audience, caller.service_id)
    to_another = read(EventReplayRequest, {"subscription_id": "sub_llm"})
    if audience is None:
        assert replays.of_event("evt_1", to_another, caller).subscription_id == "sub_llm"
    else:
        with pytest.raises(NotFound):
            replays.of_event("evt_1", to_another, caller)


@pytest.mark.parametrize(("caller", "audience"), [(AN_ADMIN, None), (service("worker"), "worker")])
def test_a_period_is_replayed_to_the_caller_unless_it_is_an_admin(
    replays: Replays, caller: Caller, audience: str | None
) -> None:
    made = replays.of_period(read(ReplayRequest, {"from": NOON}), caller)
    assert made.audience == audience


@pytest.mark.parametrize("ahead", [2, 290, 10**8])
@pytest.mark.parametrize("caller", [AN_ADMIN, service("worker")])
def test_a_period_that_begins_in_the_future_is_refused(
    replays: Replays, caller: Caller, ahead: float
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        replays.of_period(read(ReplayRequest, {"from": times.after(ahead)}), caller)
    [fault] = refusal.value.faults
    assert fault.pointer == "/from"
    assert fault.detail.startswith("must not be in the future; it is 20")
    assert replays.page(None, 9, caller) == []


def test_a_service_sees_its_own_replays(replays: Replays) -> None:
    made = replays.of_period(read(ReplayRequest, {"from": NOON}), service("worker"))
    for caller in (service("worker"), AN_ADMIN):
        assert replays.get(made.id, caller) == made
    for refused in (replays.get, replays.cancel):
        with pytest.raises(NotFound):
            refused(made.id, service("llm"))
    assert replays.page(None, 9, service("llm")) == []


@pytest.fixture
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "now", lambda: NOW)
    monkeypatch.setattr(times, "unix", lambda: times.seconds(NOW))


def begun(name: str, **members: object) -> Replay:
    """A replay from noon on that `worker` requests at `NOW`."""
    asked = {"service_id": "worker", "audience": "worker", "event_types": None}
    return replay(name, **{**asked, "created_at": NOW, "updated_at": NOW, **members})


@pytest.mark.usefixtures("_now")
@pytest.mark.parametrize("replay_id", [None, "rpl_of_the_request"])
def test_an_event_is_replayed_as_it_was_asked_for(
    aws: Aws, replays: Replays, replay_id: str | None
) -> None:
    request = read(EventReplayRequest, {"subscription_id": "sub_worker"})
    made = replays.of_event("evt_7", request, service("worker"), replay_id)
    name = replay_id or made.id
    assert made == begun(name, subscription_id="sub_worker", event_id="evt_7", until=NOON)
    assert made.id.startswith("rpl_")
    assert aws.replays.get(made.id) == made


def test_an_event_is_found_as_its_caller_may_see_it(replays: Replays) -> None:
    asked: list[tuple[str, Caller]] = []

    def find(event_id: str, caller: Caller) -> Any:
        asked.append((event_id, caller))
        return event(event_id)

    replace(replays, event=find).of_event("evt_7", read(EventReplayRequest, {}), service("llm"))
    assert asked == [("evt_7", service("llm"))]


@pytest.mark.usefixtures("_now")
def test_a_period_is_replayed_as_it_was_asked_for(aws: Aws, replays: Replays) -> None:
    asked = {
        "from": NOON,
        "to": "2026-05-02T11:00:00.000Z",
        "subscription_id": "sub_worker",
        "event_types": ["task.*"],
        "source": "planner",
        "rate": 7,
    }
    made = replays.of_period(read(ReplayRequest, asked), service("worker"), "rpl_of_the_request")
    assert made == begun(
        "rpl_of_the_request",
        subscription_id="sub_worker",
        event_types=["task.*"],
        source="planner",
        until="2026-05-02T11:00:00.000Z",
        rate=7,
    )
    assert aws.replays.get(made.id) == made


@pytest.mark.usefixtures("_now")
@pytest.mark.parametrize(
    ("until", "last", "stored_until"),
    [
        (None, LATEST, NOW),
        # A period that ends in the past ends there, whenever its events were stored.
        ("2026-05-02T11:59:59.999Z", "2026-05-02T11:59:59.999Z", None),
        (NOW, NOW, None),
        ("2026-05-02T12:00:00.001Z", "2026-05-02T12:00:00.001Z", NOW),
        ("2026-05-02T12:04:59.000Z", "2026-05-02T12:04:59.000Z", NOW),
        ("2027-01-01T00:00:00.000Z", LATEST, NOW),
    ],
)
def test_a_period_ends_with_what_is_stored_now(
    replays: Replays, until: str | None, last: str, stored_until: str | None
) -> None:
    made = replays.of_period(read(ReplayRequest, {"from": NOON, "to": until}), AN_ADMIN)
    assert (made.until, made.stored_until) == (last, stored_until)


def test_only_an_admin_replays_a_period_to_others(replays: Replays) -> None:
    to_another = read(ReplayRequest, {"from": NOON, "subscription_id": "sub_llm"})
    assert replays.of_period(to_another, AN_ADMIN).subscription_id == "sub_llm"
    with pytest.raises(NotFound):
        replays.of_period(to_another, service("worker"))


@pytest.mark.parametrize("status", ["paused", "disabled"])
def test_only_an_active_subscription_is_replayed_to(
    aws: Aws, replays: Replays, status: Any
) -> None:
    aws.subscriptions.create(subscription("sub_1", status=status))
    said = f"The subscription sub_1 is {status}; a replay needs an active one."
    with pytest.raises(Conflict, match=said):
        replays.of_event("evt_1", read(EventReplayRequest, {"subscription_id": "sub_1"}), AN_ADMIN)


@pytest.mark.usefixtures("_now")
def test_a_replay_may_begin_now() -> None:
    refuse_future("/from", NOW)
    with pytest.raises(InvalidRequest, match="future"):
        refuse_future("/from", "2026-05-02T12:00:00.001Z")


@pytest.mark.usefixtures("_now")
def test_the_history_of_a_new_subscription_ends_shortly_after_its_beginning() -> None:
    made = history_for(subscription("sub_1", "worker"), NOON)
    assert made == begun(
        made.id,
        subscription_id="sub_1",
        until=times.at(times.seconds(LATEST) + 2 * SEAM_SECONDS),
        stored_until=times.at(times.seconds(NOW) + 2 * SEAM_SECONDS),
    )


def test_a_replay_begins_by_a_message_in_the_group_of_its_service(replays: Replays) -> None:
    sent: list[dict[str, Any]] = []
    queue: Any = SimpleNamespace(send_message=lambda **message: sent.append(message))
    of_worker = replace(replays, queue=ReplayQueue(queue, "replays"))
    made = of_worker.of_period(read(ReplayRequest, {"from": NOON}), service("worker"))
    [message] = sent
    assert (message["MessageBody"], message["MessageGroupId"]) == (made.id, "worker")
    assert message["DelaySeconds"] == 0


@pytest.mark.usefixtures("_now")
def test_a_running_replay_is_cancelled_once(aws: Aws, replays: Replays) -> None:
    running = replay("rpl_1", service_id="worker", sent=3)
    aws.replays.add(running)
    cancelled = replays.cancel("rpl_1", service("worker"))
    assert cancelled == replace(running, state="cancelled", updated_at=NOW)
    assert aws.replays.get("rpl_1") == cancelled
    with pytest.raises(Conflict, match="rpl_1 is cancelled already"):
        replays.cancel("rpl_1", AN_ADMIN)


def test_the_replay_of_a_backlog_is_not_cancelled(aws: Aws, replays: Replays) -> None:
    backlog = replay("rpl_1", subscription_id="sub_worker", pause=1)
    aws.replays.add(backlog)
    said = (
        "The replay rpl_1 delivers events that a pause held. To continue without them, "
        "pause sub_worker again and resume it from now."
    )
    with pytest.raises(Conflict, match=said):
        replays.cancel("rpl_1", AN_ADMIN)
    assert aws.replays.get("rpl_1") == backlog


def test_a_replay_that_continues_all_the_time_is_cancelled_later(
    aws: Aws, replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.replays.add(replay("rpl_1"))
    monkeypatch.setattr(type(aws.replays), "move", lambda *_: False)
    monkeypatch.setattr(random, "uniform", lambda *_: 0.0)
    with pytest.raises(Conflict) as refusal:
        replays.cancel("rpl_1", AN_ADMIN)
    assert refusal.value.detail == "The replay has continued meanwhile; send the request again."


def test_replays_are_listed_newest_first_from_where_a_page_ended(
    aws: Aws, replays: Replays
) -> None:
    made = [replay(f"rpl_{n}", service_id=name) for n, name in enumerate(("llm", "worker", "llm"))]
    for each in made:
        aws.replays.add(each)
    assert replays.page(None, 9, AN_ADMIN) == made[::-1]
    assert replays.page("rpl_1", 9, AN_ADMIN) == made[:1]
    assert replays.page(None, 1, service("llm")) == made[2:]
    assert replays.page("rpl_2", 9, service("llm")) == made[:1]


def test_a_replay_that_is_not_found_is_named(replays: Replays) -> None:
    with pytest.raises(NotFound, match="replay rpl_9"):
        replays.get("rpl_9", AN_ADMIN)
