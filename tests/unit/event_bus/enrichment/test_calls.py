"""A lane waits for the sources of an ordered subscription, and notices slow ones."""

import io
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from botocore.exceptions import ReadTimeoutError
from event_bus.enrichment.calls import (
    EnrichmentCalls,
    SubscriptionChanged,
    answer_of,
    called_with,
)
from event_bus.model.delivery import DeliveryKey
from event_bus.model.outcome import Outcome
from event_bus.targets.answer_times import AnswerTimes

from tests.builders import event, subscription
from tests.clock import Clock


class EnrichmentFunction:
    """A client of Lambda; each call takes some seconds."""

    def __init__(self, clock: Clock, seconds: float, *, ends: bool = True) -> None:
        self.clock, self.seconds, self.ends = clock, seconds, ends

    def invoke(self, **_: Any) -> Any:
        self.clock.now += self.seconds
        if not self.ends:
            raise ReadTimeoutError(endpoint_url="https://lambda.example")
        return {"Payload": io.BytesIO(orjson.dumps({"enrichment": "{}"}))}


def call(function: EnrichmentFunction, answers: AnswerTimes | None) -> bytes | Outcome:
    calls = EnrichmentCalls(function, "enrich", answers)
    return calls.enriched(DeliveryKey("evt_1", "sub_1"), event(), subscription("sub_1"))


@pytest.mark.parametrize(
    ("seconds", "ends", "expected"),
    [(0.9, True, []), (1.1, True, ["sub_1"]), (10.0, True, ["sub_1"]), (12.0, False, ["sub_1"])],
)
def test_slow_sources_mark_their_subscription(
    seconds: float, ends: bool, expected: list[str]
) -> None:
    marked: list[str] = []
    clock = Clock()
    call(EnrichmentFunction(clock, seconds, ends=ends), AnswerTimes(marked.append, clock=clock))
    assert marked == expected


def test_fast_sources_do_not_prove_a_fast_subscriber() -> None:
    clock = Clock()
    answers = AnswerTimes(clock=clock)
    call(EnrichmentFunction(clock, 0.1), answers)
    assert answers.taken("sub_1") == []
    call(EnrichmentFunction(clock, 3.0), answers)
    assert answers.taken("sub_1") == [pytest.approx(3.0)]


def test_without_a_paced_lane_nothing_is_measured() -> None:
    assert call(EnrichmentFunction(Clock(), 11.0), None) == b"{}"


def test_a_call_names_the_delivery_and_brings_the_event() -> None:
    asked: list[dict[str, Any]] = []

    def invoke(**request: Any) -> Any:
        asked.append(request)
        return {"Payload": io.BytesIO(orjson.dumps(answer_of(b'{"a":1}', 4)))}

    client: Any = SimpleNamespace(invoke=invoke)
    to, sent = subscription("sub_1", version=4), event()
    key = DeliveryKey("evt_1", "sub_1", "rpl_1")
    assert EnrichmentCalls(client, "enrich").enriched(key, sent, to) == b'{"a":1}'
    [request] = asked
    assert (request["FunctionName"], request["InvocationType"]) == ("enrich", "RequestResponse")
    message = called_with(orjson.loads(request["Payload"]))
    assert message
    assert (message.key, message.event, message.subscription_version) == (key, sent, 4)


@pytest.mark.parametrize("found", [b"{}", Outcome("enrichment_failed", "no answer")])
def test_an_answer_for_a_newer_subscription_is_not_used(found: bytes | Outcome) -> None:
    def invoke(**_: Any) -> Any:
        return {"Payload": io.BytesIO(orjson.dumps(answer_of(found, 5)))}

    client: Any = SimpleNamespace(invoke=invoke)
    calls = EnrichmentCalls(client, "enrich")
    with pytest.raises(SubscriptionChanged) as changed:
        calls.enriched(DeliveryKey("evt_1", "sub_1"), event(), subscription("sub_1", version=4))
    assert changed.value.version == 5
