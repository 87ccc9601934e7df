"""The enrichment function works its lane, and answers lanes that wait for it."""

import io
from dataclasses import replace
from typing import Any, cast

import orjson
import pytest
from botocore.exceptions import ReadTimeoutError
from event_bus.enrichment.calls import (
    EnrichmentCalls,
    SubscriptionChanged,
    answer_of,
    call_of,
    read_answer,
)
from event_bus.model.contexts import ContextEntry
from event_bus.model.delivery import DeliveryKey
from event_bus.model.enrichment import LookupSource
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.subscription import Subscription
from event_bus.queues.message import LaneKind, from_json, protocol_and_kind
from event_bus.runtime import lanes
from event_bus.settings import settings
from event_bus.targets.answer_times import AnswerTimes

from tests.aws import RETENTION_DAYS
from tests.builders import LARGE_PAYLOAD, NOON, event, message, subscription
from tests.handlers import Functions

CUSTOMER = {"customer": LookupSource(context="customers", key="$.payload.id")}
KEY = DeliveryKey("evt_1", "sub_1", "rpl_1")


def prepared(functions: Functions, **payload: Any) -> tuple[Event, Subscription]:
    """An event and a subscription that asks for what is known of `42`."""
    entry = ContextEntry("worker", "customers", "42", b'{"tier":"gold"}', 1, NOON)
    functions.aws.contexts.add(entry, 9)
    to = functions.aws.subscriptions.create(subscription(enrichment=CUSTOMER))
    _, stored = functions.aws.events.put(event(payload={"id": 42, **payload}), RETENTION_DAYS)
    return stored, to


class Caller:
    """The client of Lambda in the function of a lane."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.answers: list[Any] = []

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> Any:  # noqa: N803
        assert (FunctionName, InvocationType) == ("enrich", "RequestResponse")
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return {**answer, "Payload": io.BytesIO(answer["Payload"])}
        answer = self.functions.invoke("enrich", orjson.loads(Payload))
        return {"Payload": io.BytesIO(orjson.dumps(answer))}


def called(functions: Functions, about: Event, to: Subscription, *answers: Any) -> Any:
    caller = Caller(functions)
    caller.answers = list(answers)
    key = replace(KEY, subscription_id=to.id)
    return EnrichmentCalls(cast("Any", caller), "enrich").enriched(key, about, to)


def test_a_batch_is_enriched_and_sent_to_the_lane_of_its_target(functions: Functions) -> None:
    about, to = prepared(functions)
    own = settings().lane_urls["enrich"]
    sent = message(about, to, enriches=True)
    functions.aws.sqs.send_message(QueueUrl=own, MessageBody=sent.to_json())
    assert functions.invoke("enrich", functions.waiting(own)) == {"batchItemFailures": []}
    [body] = functions.aws.take(functions.lane)
    assert from_json(body).enrichment == b'{"customer":{"tier":"gold"}}'


@pytest.mark.parametrize("more", [{}, LARGE_PAYLOAD])
def test_a_lane_is_answered(functions: Functions, more: dict[str, Any]) -> None:
    about, to = prepared(functions, **more)
    assert called(functions, about, to) == b'{"customer":{"tier":"gold"}}'


def test_a_lane_is_told_what_failed(functions: Functions) -> None:
    about, to = prepared(functions, id=43)
    outcome = called(functions, about, to)
    assert isinstance(outcome, Outcome)
    assert outcome.code == "enrichment_failed"
    assert outcome.message == "customer: the context customers has no entry with this key"
    gone = called(functions, about, subscription("sub_2", enrichment=CUSTOMER))
    assert gone.code == "enrichment_failed"
    assert gone.message == "the subscription or the event is gone"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ReadTimeoutError(endpoint_url="https://lambda.example"), "did not answer"),
        ({"Payload": b"{", "StatusCode": 200}, "did not answer"),
        ({"Payload": b'{"errorMessage":"no"}', "FunctionError": "Unhandled"}, "failed"),
    ],
)
def test_a_call_that_fails_is_a_failed_attempt(
    functions: Functions, answer: Any, said: str
) -> None:
    about, to = prepared(functions)
    outcome = called(functions, about, to, answer)
    assert (outcome.code, outcome.unsendable) == ("enrichment_failed", False)
    assert outcome.message == f"the enrichment function {said}"


@pytest.mark.parametrize("known", ["44", "42"])
def test_a_lane_learns_that_it_knows_an_older_version(functions: Functions, known: str) -> None:
    about, to = prepared(functions)
    source = LookupSource(context="customers", key=f"$.payload.{known}")
    changed = functions.aws.subscriptions.update(replace(to, enrichment={"other": source}))
    with pytest.raises(SubscriptionChanged) as raised:
        called(functions, about, to)
    assert raised.value.version == changed.version


def test_a_lane_learns_that_an_event_can_never_be_sent() -> None:
    outcome = Outcome("upcast_failed", "no", unsendable=True)
    assert read_answer(answer_of(outcome)) == outcome


def test_a_call_carries_the_event_the_replay_and_the_version_of_the_subscription() -> None:
    sent = event()
    carried = from_json(orjson.loads(call_of(KEY, sent, subscription(version=7)))["enrich"])
    assert (carried.key, carried.subscription_version) == (KEY, 7)
    assert (carried.service_id, carried.event) == ("worker", sent)


@pytest.mark.parametrize(
    "lane", ["http", "http_paced", "http_slow", "lambda", "lambda_paced", "sqs"]
)
def test_a_lane_measures_sources_where_it_measures_subscribers(
    functions: Functions, monkeypatch: pytest.MonkeyPatch, lane: str
) -> None:
    measured: list[AnswerTimes | None] = []
    made: list[tuple[AnswerTimes | None, LaneKind]] = []

    def enrichment_calls(answers: AnswerTimes | None) -> None:
        measured.append(answers)

    def handler(_transport: Any, _enrich: Any, answers: AnswerTimes | None, kind: LaneKind) -> None:
        made.append((answers, kind))

    monkeypatch.setattr(lanes, "enrichment_calls", enrichment_calls)
    monkeypatch.setattr(lanes, "_handler", handler)
    lanes.lane_handler(lane)
    assert made == [(measured[0], protocol_and_kind(lane)[1])]
    assert (measured == [None]) == (lane == "sqs")
