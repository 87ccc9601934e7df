"""A lane delivers its batch side by side, and sends on whatever must follow."""

import threading
from dataclasses import replace

import pytest
from event_bus import times
from event_bus.delivery.circuits import CACHE_SECONDS
from event_bus.model.circuit import CONSECUTIVE_FAILURES, Circuit
from event_bus.model.outcome import Outcome
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.rights import Grant
from event_bus.stores.announced_circuits import AnnouncedCircuits

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import NOON, delivery, event, message, subscription
from tests.faults import not_sent
from tests.interference import before_next
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, queue_message, run

__all__ = ["run"]

SOON = RetryPolicy(schedule=[5], max_attempts=3)


@pytest.mark.parametrize("body", ["", "{}", "null", "not json"])
def test_an_unreadable_message_is_kept_and_the_others_delivered(
    run: LaneRun, aws: Aws, body: str
) -> None:
    to = aws.subscriptions.create(subscription())
    assert run.lane.process([queue_message(body), queue_message(message(event(), to))]) == [
        f"m-{body}"
    ]
    assert run.outcome().status == "delivered"


def test_an_exception_of_a_target_affects_only_its_message(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    run.target.script["evt_2"] = ZeroDivisionError()
    assert run.take(*[message(event(f"evt_{each}"), to) for each in (1, 2, 3)]) == ["m-evt_2-1"]
    assert run.outcome("evt_1").status == run.outcome("evt_3").status == "delivered"


@pytest.mark.parametrize("batches", [False, True])
def test_a_message_whose_record_fails_comes_again(run: LaneRun, aws: Aws, *, batches: bool) -> None:
    run.target.batches = batches
    to = aws.subscriptions.create(subscription())
    sent = [message(event(f"evt_{each}"), to) for each in (1, 2, 3)]
    with not_sent(aws.dynamodb, "UpdateItem"):
        [kept] = run.take(*sent)
    again = next(each for each in sent if kept.startswith(f"m-{each.event_id}-"))
    assert run.take(again, receives=2) == []
    assert {run.outcome(f"evt_{each}").status for each in (1, 2, 3)} == {"delivered"}


def test_following_messages_are_sent_in_one_request_or_kept(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(retry_policy=SOON))
    run.target.script |= {"evt_1": REFUSED, "evt_2": REFUSED}
    sent = [message(event(f"evt_{each}"), to) for each in (1, 2, 3)]
    with not_sent(aws.sqs, "SendMessageBatch"):
        assert run.take(*sent) == ["m-evt_1-1", "m-evt_2-1"]
    # They come again: the attempts are on record and not made twice, what follows is sent.
    assert run.take(*sent[:2], receives=3) == []
    assert len(run.target.attempted) == 3


def test_the_messages_of_a_batch_are_delivered_side_by_side(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    all_there = threading.Barrier(10)
    run.target.meet = lambda: all_there.wait(5)
    assert run.take(*[message(event(f"evt_{each}"), to) for each in range(10)]) == []


def test_a_failing_subscriber_is_left_alone_and_probed(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(retry_policy=SOON))
    names = [f"evt_{each}" for each in range(CONSECUTIVE_FAILURES)]
    run.target.script = dict.fromkeys(names, REFUSED)
    run.take(*[message(event(name), to) for name in names])
    circuit = aws.circuits.get_many(["sub_1"])["sub_1"]
    assert circuit.state == "open"
    run.take(message(event("evt_new"), to))
    waiting = run.outcome("evt_new")
    assert (waiting.status, waiting.attempts, waiting.waiting) == ("retrying", 0, True)
    assert run.error("evt_new") == (
        "circuit_open",
        "too many attempts failed, so the circuit of the subscription is open",
    )
    assert waiting.dead_letter_id
    # Its pause is over: of a batch, one is the probe.
    aws.circuits.put("sub_1", replace(circuit, until=0.0, version=circuit.version + 1))
    run.now[0] += CACHE_SECONDS
    before = len(run.target.attempted)
    run.take(*[message(event(f"evt_p{each}"), to) for each in range(3)])
    assert len(run.target.attempted) == before + 1
    assert aws.circuits.get_many(["sub_1"]) == {}
    run.take(message(event("evt_after"), to))
    assert run.outcome("evt_after").status == "delivered"


def test_a_lane_announces_the_circuit_that_it_opens(run: LaneRun, aws: Aws) -> None:
    run.lane.circuits.announced = AnnouncedCircuits(aws.circuits, aws.events, RETENTION_DAYS)
    to = aws.subscriptions.create(subscription())
    names = [f"evt_{each}" for each in range(CONSECUTIVE_FAILURES)]
    run.target.script = dict.fromkeys(names, REFUSED)
    run.take(*[message(event(name), to) for name in names])
    opened_at = aws.circuits.get_many(["sub_1"])["sub_1"].opened_at
    assert opened_at
    announced = f"eventbus:circuit_opened_sub_1_{round(1000 * opened_at)}"
    assert aws.events.existing([announced]) == {announced}


def test_a_probe_whose_attempt_raises_gives_its_permit_back(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    aws.circuits.put("sub_1", Circuit(state="open", until=times.unix() - 1, version=1))
    run.target.script["evt_1"] = ConnectionError()
    assert run.take(message(event(), to)) == ["m-evt_1-1"]
    run.take(message(event("evt_2"), to))
    assert run.outcome("evt_2").status == "delivered"


def test_an_attempt_that_is_not_recorded_counts_for_its_circuit(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    run.target.script["evt_1"] = REFUSED
    with not_sent(aws.dynamodb, "UpdateItem"):
        assert run.take(message(event(), to)) == ["m-evt_1-1"]
    assert aws.circuits.get_many(["sub_1"])["sub_1"].consecutive == 1


def test_no_attempt_is_made_during_the_probe_of_another_function(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = aws.subscriptions.create(subscription())
    over = Circuit(state="open", until=times.unix() - 1, version=1)
    aws.circuits.put("sub_1", over)
    # The other function is faster between this function's look at the circuit and its write.
    before_next(
        aws,
        monkeypatch,
        "put_item",
        lambda: aws.circuits.put("sub_1", over.probed(times.unix()) or over),
    )
    run.take(message(event(), to))
    assert run.target.events == []
    waiting = run.outcome().last_error
    assert waiting
    assert waiting.code == "circuit_open"


def test_a_circuit_keeps_the_beginning_of_a_long_error(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    run.target.script["evt_1"] = Outcome("http_status", "no " * 1_000, status_code=500)
    run.take(message(event(), to))
    error = aws.circuits.get_many(["sub_1"])["sub_1"].last_error
    assert error
    assert 100 <= len(error.message) <= 1_000


def test_a_delivery_that_another_one_claimed_takes_no_permit(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(delivery_guarantee="exactly_once"))
    aws.claims.take(delivery("pending"), "another", 600, once=False)
    over = Circuit(state="open", until=times.unix() - 1, version=1)
    aws.circuits.put("sub_1", over)
    run.take(message(event(), to))
    assert aws.circuits.get_many(["sub_1"])["sub_1"] == over


def test_a_healthy_subscriber_costs_no_write(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    for number in range(3):
        run.take(message(event(f"evt_{number}"), to))
    assert aws.circuits.get_many(["sub_1"]) == {}


def test_an_uncounted_circuit_keeps_no_message(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(retry_policy=SOON))
    run.target.script["evt_1"] = REFUSED
    with not_sent(aws.dynamodb, "PutItem"):
        assert run.take(message(event(), to)) == []
    assert run.outcome().status == "retrying"


def test_an_unreadable_circuit_delays_nothing(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    run.lane.subscriptions.of([message(event(), to)])
    with not_sent(aws.dynamodb, "BatchGetItem"):
        assert run.take(message(event(), to)) == []
    assert run.outcome().status == "delivered"


def test_a_gone_or_long_failing_subscriber_is_disabled(run: LaneRun, aws: Aws) -> None:
    gone = aws.subscriptions.create(subscription("sub_1"))
    failing = aws.subscriptions.create(subscription("sub_2"))
    run.target.script["evt_1"] = replace(REFUSED, status_code=410)
    run.take(message(event(), gone))
    assert run.outcome().status == "exhausted"
    found = aws.subscriptions.get("sub_1")
    assert found
    assert (found.status, found.disabled_reason) == ("disabled", "the subscriber answered 410 Gone")
    run.target.script["evt_2"] = REFUSED
    run.take(message(event("evt_2"), failing))
    circuit = aws.circuits.get_many(["sub_2"])["sub_2"]
    long_ago = replace(circuit, failing_since=0.0, version=circuit.version + 1)
    aws.circuits.put("sub_2", long_ago)
    run.now[0] += CACHE_SECONDS
    run.take(message(event("evt_2"), failing, attempt=2))
    found = aws.subscriptions.get("sub_2")
    assert found
    assert (found.status, found.disabled_reason) == (
        "disabled",
        "every delivery has failed for longer than the retry policy allows",
    )


def test_deliveries_of_one_batch_key_are_attempted_together(run: LaneRun, aws: Aws) -> None:
    first = aws.subscriptions.create(subscription("sub_1"))
    second = aws.subscriptions.create(subscription("sub_2"))
    run.target.batches = True
    run.target.script["evt_2"] = REFUSED
    batch = [message(event(f"evt_{each}"), first) for each in range(4)]
    assert run.take(*batch, message(event("evt_9"), second)) == []
    assert sorted(len(request) for request in run.target.requests) == [1, 4]
    outcomes = [run.outcome(f"evt_{each}").status for each in range(4)]
    assert outcomes == ["delivered", "delivered", "retrying", "delivered"]
    assert run.outcome("evt_9", "sub_2").status == "delivered"


def test_deliveries_that_fail_together_come_again_together(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    run.target.batches = True
    run.target.script["evt_1"] = ConnectionError()
    kept = run.take(*[message(event(f"evt_{each}"), to) for each in range(3)])
    assert kept == ["m-evt_0-1", "m-evt_1-1", "m-evt_2-1"]


def test_a_delivery_without_a_right_is_not_attempted(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(service_id="worker"))
    once = aws.subscriptions.create(
        subscription("sub_2", "worker", delivery_guarantee="at_most_once")
    )
    late = replace(event(), created_at=NOON)
    aws.events.put(late, RETENTION_DAYS)
    aws.rights.put(Grant("worker", ["order.*"]))
    assert run.take(message(late, to), message(late, once)) == []
    assert run.target.events == []
    refused, dropped = run.outcome(), run.outcome(subscription_id="sub_2")
    assert (refused.status, dropped.status) == ("exhausted", "dropped")
    error = ("not_permitted", "the service may not receive task.created any more")
    assert run.error() == run.error(subscription_id="sub_2") == error
    assert refused.dead_letter_status == "exhausted"
    # Given again, it can be retried.
    aws.rights.put(Grant("worker", ["task.*"]), Grant("worker", ["order.*"]))
    run.now[0] += 60
    fresh = replace(event("evt_2"), created_at=times.now())
    aws.events.put(fresh, RETENTION_DAYS)
    assert run.take(message(fresh, to)) == []
    assert run.target.events == ["evt_2"]
