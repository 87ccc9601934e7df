"""Events pass the enrichment lane, or are enriched in the turn of their stream."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
from event_bus import times
from event_bus.access.receive_rights import HandoverRights
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.enriching import EnrichmentRunner, EnrichmentStep
from event_bus.delivery.source_pacing import SourcePacing
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import Subscription
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message, from_json
from event_bus.timers import Timers

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import (
    LARGE_PAYLOAD,
    LATER,
    NOON,
    delivery,
    event,
    message,
    publisher,
    routing,
    subscription,
)
from tests.unit.event_bus.delivery.enrichments import (
    ADDED,
    FAILED,
    in_turn,
    of_a_stream,
    stored,
    subscribed,
)
from tests.unit.event_bus.delivery.lanes import LaneRun, queue_message, run

__all__ = ["ADDED", "of_a_stream", "run", "stored", "subscribed"]


@dataclass
class Enriching:
    """The enrichment lane, with sources that do as a test says."""

    aws: Aws
    lane: EnrichmentRunner
    own: str
    target: str
    found: list[bytes | Outcome | Exception] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    seen: list[Event] = field(default_factory=list)

    def enrich(self, key: DeliveryKey, about: Event, _to: Subscription) -> bytes | Outcome:
        self.asked.append(key.event_id)
        self.seen.append(about)
        found = self.found.pop(0) if self.found else ADDED
        if isinstance(found, Exception):
            raise found
        return found

    def take(self, *messages: Message, receives: int = 1) -> list[str]:
        return self.lane.process([queue_message(each, receives) for each in messages])

    def sent(self, url: str) -> list[Message]:
        return self.aws.sent_on(url)

    def outcome(self) -> Any:
        return self.aws.deliveries.get(DeliveryKey("evt_1", "sub_1"))


@pytest.fixture
def enriching(aws: Aws, executor: Executor) -> Enriching:
    own, target = aws.queue(), aws.queue()
    may_receive = HandoverRights(aws.rights_reader).permits
    made: list[Enriching] = []
    timers = Timers()

    def enrich(key: DeliveryKey, about: Event, to: Subscription) -> bytes | Outcome:
        return made[0].enrich(key, about, to)

    lane = EnrichmentRunner(
        EnrichmentStep(enrich, aws.events, aws.deliveries, may_receive),
        SubscriptionCache(aws.subscriptions),
        Lanes(aws.sqs, {"http": target, "enrich": own}, executor),
        executor,
        timers,
        SourcePacing(Circuits(aws.circuits), aws.paces, aws.deliveries, 2, timers),
    )
    made.append(Enriching(aws, lane, own, target))
    return made[0]


def test_an_enriched_event_is_sent_to_the_lane_of_its_target(
    enriching: Enriching, aws: Aws
) -> None:
    to = subscribed(aws)
    sent = message(stored(aws, payload={"n": 1.50}), to, enriches=True)
    assert enriching.take(sent) == []
    [onward] = enriching.sent(enriching.target)
    assert (onward.enrichment, onward.attempt, onward.lane) == (ADDED, 1, "http")
    assert onward.event == sent.event
    assert enriching.outcome() is None
    assert enriching.sent(enriching.own) == []


def test_a_large_event_is_read_for_its_enrichment_and_left_where_it_is(
    enriching: Enriching, aws: Aws
) -> None:
    to = subscribed(aws)
    enriching.take(message(stored(aws, payload=LARGE_PAYLOAD), to, enriches=True))
    [onward] = enriching.sent(enriching.target)
    assert (onward.enrichment, onward.event) == (ADDED, None)


def test_a_failure_is_an_attempt_that_the_retry_policy_counts(
    enriching: Enriching, aws: Aws
) -> None:
    to = subscribed(aws)
    enriching.found = [FAILED, FAILED]
    assert enriching.take(message(stored(aws), to, enriches=True)) == []
    first = enriching.outcome()
    assert (first.status, first.attempts, first.last_error.code) == (
        *("retrying", 1),
        "enrichment_failed",
    )
    assert enriching.sent(enriching.target) == []
    again = from_json(message(stored(aws), to, attempt=2).to_json())
    assert enriching.take(again) == []
    last = enriching.outcome()
    assert (last.status, [each.code for each in last.log]) == (
        "exhausted",
        ["enrichment_failed"] * 2,
    )
    assert last.dead_letter_id


def test_a_failed_enrichment_is_recorded_with_its_time_and_duration(
    enriching: Enriching, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [5.0]

    def enrich(*_: object) -> Outcome:
        now[0] += 2.5
        monkeypatch.setattr(times, "now", lambda: LATER)
        return FAILED

    monkeypatch.setattr(times, "now", lambda: NOON)
    step = replace(enriching.lane.step, enrich=enrich, clock=lambda: now[0])
    sent = queue_message(message(event(), subscribed(aws), enriches=True))
    replace(enriching.lane, step=step).process([sent])
    [attempt] = enriching.outcome().log
    assert (attempt.at, attempt.duration_ms) == (NOON, 2_500)


def test_a_message_goes_on_with_the_newest_version_of_its_subscription(
    enriching: Enriching, aws: Aws
) -> None:
    to = aws.subscriptions.update(subscribed(aws))
    asked = message(stored(aws), to, enriches=True)
    for known, sent in ((1, to.version), (9, 9)):
        enriching.take(replace(asked, subscription_version=known))
        [onward] = enriching.sent(enriching.target)
        assert onward.subscription_version == sent


def test_a_retry_of_a_failure_passes_the_lane_again(enriching: Enriching, aws: Aws) -> None:
    to = subscribed(aws, retry_policy=RetryPolicy(schedule=[1], max_attempts=3))
    enriching.found = [FAILED]
    kept: list[Message] = []
    real = enriching.lane.lanes

    class Noted(Lanes):
        def send(self, messages: Any) -> list[Message]:
            kept.extend(messages)
            return []

    lane = replace(enriching.lane, lanes=Noted(real.client, real.urls, real.executor))
    lane.process([queue_message(message(stored(aws), to, enriches=True))])
    [follow_up] = kept
    assert (follow_up.lane, follow_up.attempt, follow_up.enrichment) == ("enrich", 2, None)
    # A second with its jitter, rounded up.
    assert follow_up.delay <= 2


def test_a_message_that_comes_again_enriches_nothing_again(enriching: Enriching, aws: Aws) -> None:
    to = subscribed(aws)
    aws.deliveries.record(delivery("delivered"), 1)
    assert enriching.take(message(stored(aws), to, enriches=True), receives=2) == []
    assert (enriching.asked, enriching.sent(enriching.target)) == ([], [])


def test_a_failure_is_not_recorded_over_a_success(enriching: Enriching, aws: Aws) -> None:
    to = subscribed(aws)
    aws.deliveries.record(delivery("delivered"), 1)
    enriching.found = [FAILED]
    assert enriching.take(message(stored(aws), to, enriches=True)) == []
    assert enriching.outcome().status == "delivered"
    assert enriching.sent(enriching.own) == []


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({"status": "disabled"}, "exhausted", "subscription_disabled"),
        ({"status": "paused"}, "retrying", "subscription_paused"),
        (
            {"status": "disabled", "delivery_guarantee": "at_most_once"},
            "dropped",
            "subscription_disabled",
        ),
    ],
)
def test_nothing_is_enriched_that_is_not_delivered(
    enriching: Enriching, aws: Aws, members: dict[str, Any], status: str, code: str
) -> None:
    to = subscribed(aws, **members)
    assert enriching.take(message(stored(aws), to, enriches=True)) == []
    found = enriching.outcome()
    assert (found.status, found.last_error.code) == (status, code)
    assert found.last_error.message == f"the subscription is {members['status']}"
    assert (enriching.asked, enriching.sent(enriching.target)) == ([], [])


def test_a_failed_enrichment_drops_an_at_most_once_delivery(enriching: Enriching, aws: Aws) -> None:
    to = subscribed(aws, delivery_guarantee="at_most_once")
    enriching.found = [FAILED]
    enriching.take(message(stored(aws), to, enriches=True))
    assert enriching.outcome().status == "dropped"


@pytest.mark.parametrize("members", [{"enrichment": None}, {"ordered": True}])
def test_a_message_without_an_enrichment_continues_unchanged(
    enriching: Enriching, aws: Aws, members: dict[str, Any]
) -> None:
    to = subscribed(aws, **members)
    assert enriching.take(message(stored(aws), to, enriches=True)) == []
    [onward] = enriching.sent(enriching.target)
    assert (onward.enrichment, enriching.asked) == (None, [])


def test_a_fault_of_one_event_keeps_its_message_alone(enriching: Enriching, aws: Aws) -> None:
    to = subscribed(aws)
    enriching.found = [RuntimeError("broken")]
    one, other = (message(stored(aws, name), to, enriches=True) for name in ("evt_1", "evt_2"))
    [kept] = enriching.take(one)
    assert kept == "m-evt_1-1"
    assert enriching.take(other) == []
    assert [each.event_id for each in enriching.sent(enriching.target)] == ["evt_2"]


Mover = Callable[[Message], Message]


@pytest.mark.parametrize("change", [lambda m: m, lambda m: replace(m, event=None, attempt=2)])
def test_the_targets_lane_has_what_comes_from_elsewhere_enriched_first(
    run: LaneRun, aws: Aws, executor: Executor, change: Mover
) -> None:
    own = aws.queue()
    lanes = Lanes(aws.sqs, {"http": run.url, "enrich": own}, executor)
    to = subscribed(aws)
    moving = replace(run, lane=replace(run.lane, lanes=lanes))
    assert moving.take(change(message(stored(aws), to))) == []
    [moved] = aws.sent_on(own)
    assert (moved.subscription_version, moved.delay) == (to.version, 0)
    assert (moved.attempt, moved.enrichment, run.target.events) == (
        change(message(stored(aws), to)).attempt,
        None,
        [],
    )


def test_an_event_and_its_retries_are_delivered_with_the_enrichment(run: LaneRun, aws: Aws) -> None:
    to = subscribed(aws)
    enriched = message(stored(aws), to, enrichment=ADDED)
    run.target.script = {"evt_1": Outcome("http_status", "no", status_code=500)}
    assert run.take(enriched) == []
    assert run.target.enrichments == [ADDED]
    retry = replace(enriched, attempt=2)
    run.target.script = {}
    assert run.take(retry) == []
    assert run.target.enrichments == [ADDED, ADDED]
    assert run.outcome().status == "delivered"


def test_a_removed_enrichment_is_not_added(run: LaneRun, aws: Aws) -> None:
    to = subscribed(aws, enrichment=None)
    run.take(message(stored(aws), to, enrichment=ADDED))
    assert run.target.enrichments == [None]


@pytest.mark.parametrize("ordered", [False, True])
def test_sources_see_markers_in_place_of_sealed_values(
    enriching: Enriching, run: LaneRun, aws: Aws, ordered: bool
) -> None:
    # Its publisher lets the service read the values, which the target therefore gets.
    aws.add_publishers(replace(publisher(), sensitive_readers=["worker"]))
    to = subscribed(aws, ordered=ordered)
    metadata = {"stream_id": "task/1"} if ordered else {}
    closed = aws.seal.close(event(payload={"total": 2417}, metadata=metadata), ["/total"])
    sent = message(aws.events.put(closed, RETENTION_DAYS)[1], to, enriches=not ordered)
    if ordered:
        aws.routings.record([routing(sub_1="worker")])
        in_turn(run, enriching.enrich).take(sent)
    else:
        enriching.take(sent)
    [seen] = enriching.seen
    assert orjson.loads(seen.payload or b"") == {"total": {"$encrypted": True}}


def test_a_subscription_without_an_enrichment_pays_nothing(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    sent = message(stored(aws), to)
    assert "enrich" not in sent.to_json()
    asked: list[str] = []
    operations = ("BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem")
    hooks = {name: lambda name=name, **_: asked.append(name) for name in operations}
    for name, hook in hooks.items():
        aws.dynamodb.meta.events.register(f"before-send.dynamodb.{name}", hook)
    try:
        run.take(sent)
    finally:
        for name, hook in hooks.items():
            aws.dynamodb.meta.events.unregister(f"before-send.dynamodb.{name}", hook)
    # The subscription, its circuit, and the outcome.
    assert asked == ["BatchGetItem", "BatchGetItem", "UpdateItem"]
    assert run.sent() == []
