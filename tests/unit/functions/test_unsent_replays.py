"""Replays whose message was not sent, or is not the only one."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from event_bus import times
from event_bus.maintenance.stalled import AGAIN_SECONDS, OVERDUE_SECONDS, StalledSweep
from event_bus.model.pauses import FIRST_LOOK_SECONDS
from event_bus.model.subscription import Subscription, SubscriptionStatus
from event_bus.queues.replays import ReplayQueue, step_in
from event_bus.registry.subscription_writes import SubscriptionWrites

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import AN_ADMIN, NOON, event, replay, service, subscription
from tests.faults import broken
from tests.handlers import Functions

URL = "https://worker.example/events"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in a list of one."""
    now = [times.unix()]
    monkeypatch.setattr(times, "unix", lambda: now[0])
    return now


def sent(functions: Functions) -> list[str]:
    """The replays that messages continue, sent since the last call."""
    return [step_in(each.body)[0] for each in functions.aws.sent(functions.replays)]


def refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets SQS take no message about a replay."""

    def send(*_: object) -> None:
        raise broken()

    monkeypatch.setattr(ReplayQueue, "send", send)


def start_by_request(functions: Functions) -> None:
    begun = functions.request("recovery", "POST /replays", AN_ADMIN, {"from": NOON})
    assert begun.status == 202


def start_by_registration(functions: Functions) -> None:
    body = {"event_types": ["task.*"], "callback_url": URL, "replay_from": NOON}
    made = functions.request("registry", "POST /subscriptions", service("worker"), body)
    assert made.status == 201


def start_by_resume(functions: Functions) -> None:
    functions.aws.subscriptions.create(
        subscription(status="paused", paused_at=times.now(), pauses=1)
    )
    resumed = functions.request(
        *("registry", "PATCH /subscriptions/{id}", service("worker"), {"status": "active"}),
        parameters={"id": "sub_1"},
    )
    assert resumed.status == 200


@pytest.mark.parametrize("start", [start_by_request, start_by_registration, start_by_resume])
def test_a_replay_whose_first_message_sqs_does_not_take_is_started_by_the_next_sweep(
    functions: Functions,
    monkeypatch: pytest.MonkeyPatch,
    clock: list[float],
    start: Callable[[Functions], None],
) -> None:
    with monkeypatch.context() as patched:
        refuse(patched)
        start(functions)
    [stored] = functions.aws.replays.running(10)
    assert sent(functions) == []
    clock[0] += OVERDUE_SECONDS + 1
    functions.invoke("sweep", {})
    assert sent(functions) == [stored.id]


def test_a_replay_whose_next_message_sqs_does_not_take_is_continued_by_the_sweep(
    functions: Functions, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    for number in range(60):
        at = f"2026-05-01T12:00:00.{number:03}Z"
        functions.aws.events.put(event(f"evt_{number:02}", timestamp=at), RETENTION_DAYS)
    functions.aws.replays.add(replay(rate=50))
    with monkeypatch.context() as patched:
        refuse(patched)
        functions.load("replay")._runner.step("rpl_1")
    clock[0] += OVERDUE_SECONDS + 1
    functions.invoke("sweep", {})
    assert sent(functions) == ["rpl_1"]


def test_a_stalled_replay_is_not_continued_each_minute(aws: Aws, clock: list[float]) -> None:
    queue = aws.queue()
    sweep = StalledSweep(aws.replays, ReplayQueue(aws.sqs, queue))
    aws.replays.add(replay())
    found = [sweep.run()]
    for _ in range(3):
        clock[0] += 60
        found.append(sweep.run())
    clock[0] += AGAIN_SECONDS
    assert [*found, sweep.run()] == [1, 0, 0, 0, 1]
    assert [each.body for each in aws.sent(queue)] == ["rpl_1", "rpl_1"]


def test_a_stalled_replay_that_sqs_does_not_take_is_found_by_the_next_sweep(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = StalledSweep(aws.replays, ReplayQueue(aws.sqs, aws.queue()))
    aws.replays.add(replay())
    with monkeypatch.context() as patched:
        refuse(patched)
        with pytest.raises(type(broken())):
            sweep.run()
    assert sweep.run() == 1


def test_a_replay_that_several_messages_continue_goes_on_with_one_of_them(
    functions: Functions,
) -> None:
    for number in range(230):
        at = f"2026-05-01T12:00:{number // 10:02}.{number % 10:03}Z"
        functions.aws.events.put(event(f"evt_{number:03}", timestamp=at), RETENTION_DAYS)
    functions.aws.replays.add(replay())
    bodies, messages = ["rpl_1"] * 2, []
    while bodies:
        messages.append(len(bodies))
        records = [
            {"messageId": str(place), "body": each, "attributes": {}}
            for place, each in enumerate(bodies)
        ]
        assert functions.invoke("replay", {"Records": records}) == {"batchItemFailures": []}
        bodies = [each.body for each in functions.aws.sent(functions.replays)]
    # Each of the two made a step, and only the later step is followed by another one.
    assert messages == [2, 2, 1, 1]
    done = functions.aws.replays.get("rpl_1")
    assert done
    assert (done.state, done.examined) == ("completed", 230)


def test_the_backlogs_of_several_pauses_within_seconds_all_continue(
    functions: Functions, clock: list[float]
) -> None:
    aws = functions.aws
    writes = SubscriptionWrites(aws.registrations, ReplayQueue(aws.sqs, functions.replays), most=10)
    changed = aws.subscriptions.create(subscription(callback_url=URL))
    backlogs: list[str] = []

    def change(status: SubscriptionStatus) -> Subscription:
        clock[0] += 1
        stored = writes.change(changed, replace(changed, status=status), None)
        if status == "paused":
            # The messages of earlier backlogs come during this pause.
            for each in sent(functions):
                functions.load("replay")._runner.step(each)
        else:
            backlogs.append(str(stored.backlog_replay_id))
        return stored

    for _ in range(4):
        changed = change("paused")
        changed = change("active")
    began: set[str] = set(sent(functions))
    assert began == {*backlogs[-2:]}
    # The next sweeps find the others, which wait for as long as a short pause may last.
    end = clock[0] + FIRST_LOOK_SECONDS + OVERDUE_SECONDS + 60
    while clock[0] < end:
        clock[0] += 60
        functions.invoke("sweep", {})
        began |= set(sent(functions))
    assert began == {*backlogs}
