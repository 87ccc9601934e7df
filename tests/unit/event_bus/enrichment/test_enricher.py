"""Sources are asked, tried again, remembered and left out as their policies say."""

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from botocore.exceptions import ReadTimeoutError
from event_bus.callbacks.client import MAX_RESPONSE_BYTES, CallbackAnswer
from event_bus.callbacks.failures import Unanswered
from event_bus.enrichment.calls import answer_of, read_answer
from event_bus.enrichment.sources import SourceFailed
from event_bus.model.delivery import DeliveryKey
from event_bus.model.enrichment import (
    MAX_PART_BYTES,
    HttpSource,
    LambdaSource,
    LookupSource,
    Source,
    StaticSource,
)
from event_bus.model.outcome import Outcome
from event_bus.model.schemas import SchemaVersion
from event_bus.targets.upcasting import Upcaster

from tests.builders import event, subscription
from tests.evaluator import NOT_EVALUATED, no_evaluator
from tests.unit.event_bus.enrichment.sources import FUNCTION, HTTP, LOOKUP, SCORE, World, throttled


def test_static_parts_are_added_as_they_are() -> None:
    added = World().enriched(region=StaticSource(json='{"n":1.50}'), none=StaticSource(json="null"))
    assert added == {"region": {"n": 1.5}, "none": None}


def test_an_entry_of_the_services_own_context_is_looked_up() -> None:
    world = World([b'{"tier":"gold"}'])
    assert world.enriched(customer=LOOKUP) == {"customer": {"tier": "gold"}}
    assert world.asked == [("billing", "customers", "42")]


@pytest.mark.parametrize(
    "customer", [None, True, 1.5, "", {"sealed": True}, ["42"], "x" * 129, "a/b", ".."]
)
def test_an_invalid_context_key_fails_without_a_lookup(customer: Any) -> None:
    world = World()
    outcome = world.enriched({"customer": customer}, customer=LOOKUP)
    assert (outcome.code, world.asked) == ("enrichment_failed", [])
    assert outcome.message.startswith("customer: ")


def test_a_function_is_invoked_with_the_event_as_its_subscriber_sees_it() -> None:
    world = World([b'{"score": 0.9}'])
    source = LambdaSource(function=FUNCTION, role_arn="arn:r", external_id="x", timeout=1)
    assert world.enriched(score=source) == {"score": {"score": 0.9}}
    by, asked = world.asked
    assert by == ("arn:r", "x", 1)
    assert (asked["FunctionName"], asked["InvocationType"]) == (FUNCTION, "RequestResponse")
    sent = orjson.loads(asked["Payload"])
    assert (sent["id"], sent["payload"]["customer"]) == ("evt_1", 42)


def test_values_in_a_url_change_neither_its_host_nor_its_path() -> None:
    world = World([b"1"])
    assert world.enriched(price=HTTP) == {"price": 1}
    assert world.asked == [("GET", "https://prices.example/a%2Fb%20c?in=a%2Fb%20c", 1.0)]
    for value in (".", "..", ""):
        assert world.enriched({"sku": value}, price=HTTP).code == "enrichment_failed"
    assert world.answers == []


@pytest.mark.parametrize(
    "answer",
    [
        b"{",
        b'{"a":1,"a":2}',
        b"NaN",
        b"",
        b"[" * 100 + b"]" * 100,
        b'"' + b"x" * MAX_PART_BYTES + b'"',
        CallbackAnswer(404, {}, "", b"1"),
        CallbackAnswer(300, {}, "", b"1"),
        CallbackAnswer(302, {}, "", b"1"),
        CallbackAnswer(200, {}, "", b" " * MAX_RESPONSE_BYTES),
    ],
)
def test_an_unusable_answer_of_a_source_fails_without_a_retry(answer: Any) -> None:
    world = World([answer])
    outcome = world.enriched(price=HTTP)
    assert (outcome.code, len(world.asked)) == ("enrichment_failed", 1)
    assert not outcome.unsendable


@pytest.mark.parametrize(
    ("source", "first", "then"),
    [
        (LOOKUP, throttled("ThrottlingException"), b"7"),
        (SCORE, throttled(), b"7"),
        (SCORE, ReadTimeoutError(endpoint_url="x"), b"7"),
        (SCORE, {"FunctionError": "Unhandled", "Payload": io.BytesIO(b"{}")}, b"7"),
        (HTTP, Unanswered("timeout", "no complete answer"), b"7"),
        (HTTP, CallbackAnswer(503, {}, "busy"), b"7"),
        (HTTP, CallbackAnswer(429, {}, "busy"), b"7"),
    ],
)
def test_a_temporary_failure_is_retried_after_a_short_wait(
    source: Source, first: Any, then: bytes
) -> None:
    world = World([first, then])
    assert world.enriched(part=source) == {"part": 7}
    assert len(world.slept) == 1
    assert 0 <= world.slept[0] <= 0.2


def test_no_more_tries_follow_than_the_policy_says() -> None:
    source = HttpSource(url="https://a.example", retries=2)
    world = World([CallbackAnswer(500, {}, "")] * 9)
    assert world.enriched(part=source).message == "part: the URL answered 500"
    assert len(world.asked) == 3


def test_a_denied_source_is_not_retried_and_its_answer_not_quoted() -> None:
    world = World([throttled("AccessDeniedException")])
    outcome = world.enriched(score=SCORE)
    assert len(world.answers) == 0
    assert "opted it in" in outcome.message
    assert "secret" not in outcome.message + outcome.response


@pytest.mark.parametrize(
    ("source", "answer", "said"),
    [
        (SCORE, {"FunctionError": "Unhandled", "Payload": io.BytesIO()}, "the function failed"),
        (SCORE, b"{", "the result is not valid JSON for the bus"),
        (HTTP, Unanswered("timeout", "no answer in time"), "no answer in time"),
        (
            HTTP,
            CallbackAnswer(200, {}, "", b" " * MAX_RESPONSE_BYTES),
            f"the answer has {MAX_RESPONSE_BYTES} bytes or more",
        ),
        (LOOKUP, throttled(), "the context could not be read"),
        (LOOKUP, None, "the context customers has no entry with this key"),
    ],
)
def test_a_failed_part_says_what_was_wrong(source: Source, answer: Any, said: str) -> None:
    outcome = World([answer]).enriched(part=replace(source, retries=0))
    assert outcome.message == f"part: {said}"


@pytest.mark.parametrize(
    ("source", "payload", "said"),
    [
        (LOOKUP, {"sku": 1}, "$.payload.customer is not a text or a whole number of the event"),
        (HTTP, {"sku": ".."}, "$.payload.sku is a value that cannot be part of a URL"),
    ],
)
def test_an_event_that_lacks_a_value_says_which(source: Source, payload: Any, said: str) -> None:
    outcome = World().enriched(payload, part=source)
    assert outcome.message == f"part: {said}"


def test_a_part_that_may_be_skipped_is_left_out() -> None:
    world = World([None, b"2"])
    skipped = LookupSource(context="customers", key="$.payload.customer", fallback="skip")
    assert world.enriched(a=skipped, b=HTTP) == {"b": 2}


def test_results_are_used_again_for_a_while_by_their_service() -> None:
    source = LookupSource(context="customers", key="$.payload.customer", cache_seconds=60)
    world = World([b"1", b"2", b"3"])
    assert world.enriched(c=source) == world.enriched(c=source) == {"c": 1}
    assert world.enriched(c=source, service_id="shop") == {"c": 2}
    world.now += 60
    assert world.enriched(c=source) == {"c": 3}


_CACHED: dict[str, Any] = {"key": "$.payload.customer", "cache_seconds": 60}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            LambdaSource(function=FUNCTION, **_CACHED),
            LambdaSource(function=FUNCTION, **{**_CACHED, "key": "$.payload.sku"}),
        ),
        (
            LambdaSource(function=FUNCTION, **_CACHED),
            LambdaSource(function=f"{FUNCTION}-2", **_CACHED),
        ),
        (
            LambdaSource(function=FUNCTION, **_CACHED),
            LambdaSource(function=FUNCTION, role_arn="arn:r", external_id="x", **_CACHED),
        ),
        (
            LookupSource(context="customers", **_CACHED),
            LookupSource(context="suppliers", **_CACHED),
        ),
        (
            LookupSource(context="customers", **_CACHED),
            LambdaSource(function=FUNCTION, **_CACHED),
        ),
        (
            HttpSource(url="https://a.example/1", cache_seconds=60),
            HttpSource(url="https://a.example/2", cache_seconds=60),
        ),
        (
            HttpSource(url="https://a.example/1", cache_seconds=3600),
            HttpSource(url="https://a.example/1", cache_seconds=5),
        ),
    ],
)
def test_results_are_cached_by_everything_they_depend_on(one: Source, other: Source) -> None:
    world = World([b"1", b"2"])
    payload = {"customer": "7", "sku": "7"}
    for _ in range(2):
        assert world.enriched(payload, a=one, b=other) == {"a": 1, "b": 2}


def test_a_result_of_the_largest_size_is_a_part() -> None:
    largest = b'"' + b"x" * (MAX_PART_BYTES - 2) + b'"'
    assert World([largest]).enriched(part=SCORE) == {"part": orjson.loads(largest)}
    outcome = World([largest + b" "]).enriched(part=SCORE)
    assert f"more than {MAX_PART_BYTES} bytes" in outcome.message


def test_failures_and_uncached_results_are_not_used_again() -> None:
    cached = LookupSource(context="customers", key="$.payload.customer", cache_seconds=60)
    world = World([None, b"1", b"2", b"3"])
    assert world.enriched(c=cached).code == "enrichment_failed"
    assert world.enriched(c=cached) == {"c": 1}
    assert world.enriched(c=LOOKUP) == {"c": 2}
    assert world.enriched(c=cached) == {"c": 1}
    assert world.enriched(p=HTTP) == {"p": 3}


def test_an_event_is_enriched_in_the_version_that_is_delivered() -> None:
    world = World([b"1"], upcasts={2: '{"customer": old}'})
    sent = replace(event(payload={"old": "9"}), schema_version=1)
    to = subscription(service_id="billing", schema_version=2, enrichment={"c": LOOKUP})
    world.enricher.enriched(DeliveryKey("evt_1", "sub_1"), sent, to)
    assert world.asked == [("billing", "customers", "9")]
    world = World(upcasts={2: "$error('no')"})
    outcome = world.enricher.enriched(DeliveryKey("evt_1", "sub_1"), sent, to)
    assert isinstance(outcome, Outcome)
    assert (outcome.code, outcome.unsendable) == ("upcast_failed", True)
    assert "no" in outcome.message


def test_an_event_whose_schema_cannot_be_read_is_enriched_later() -> None:
    def unread(_: str, __: int) -> SchemaVersion | None:
        raise throttled()

    world = World()
    world.enricher.upcaster = Upcaster(unread)
    to = subscription(enrichment={"price": HTTP}, schema_version=2)
    sent = replace(event(payload={"sku": 1}), schema_version=1)
    outcome = world.enricher.enriched(DeliveryKey("evt_1", to.id), sent, to)
    said = "the schema version could not be read"
    assert outcome == Outcome("schema_not_read", said, unsent=True)


def test_an_event_that_the_bus_cannot_upcast_is_enriched_later() -> None:
    world = World([b"1"], upcasts={2: '{"customer": old}'})
    to = subscription(service_id="billing", schema_version=2, enrichment={"c": LOOKUP})
    sent = replace(event(payload={"old": "9"}), schema_version=1)
    with no_evaluator():
        assert world.enricher.enriched(DeliveryKey("evt_1", to.id), sent, to) == NOT_EVALUATED
    assert world.asked == []


def test_functions_and_urls_have_circuits() -> None:
    world = World([b"{}", b'{"score": 1}', b'"9.99"'])
    world.enriched(customer=LOOKUP, score=SCORE, price=HTTP)
    assert world.guarded_sources == [("sub_1", "score"), ("sub_1", "price")]


def test_a_source_whose_circuit_is_open_says_when_it_is_asked_again() -> None:
    world = World()

    def refused(_subscription_id: str, _name: str, _ask: Any) -> bytes:
        raise SourceFailed("its circuit is open", retry_after=42.0)

    world.enricher.circuits = cast("Any", SimpleNamespace(guarded=refused))
    outcome = world.enriched(price=HTTP)
    assert (outcome.code, outcome.retry_after, world.slept) == ("enrichment_failed", 42.0, [])
    # A lane that waits for the answer gets it as well.
    assert read_answer(answer_of(outcome)) == outcome
    assert world.enriched(price=replace(HTTP, fallback="skip")) == {}
