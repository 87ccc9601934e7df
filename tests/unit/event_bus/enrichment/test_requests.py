"""What clients send as an enrichment is read, shown and refused."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from event_bus.api.documents.enrichments import enrichment_document
from event_bus.enrichment.requests import (
    check_enrichment_fits,
    enrichment_of,
    without_shown_sources,
)
from event_bus.errors import InvalidRequest
from event_bus.model.enrichment import (
    MAX_PART_BYTES,
    Enrichment,
    HttpSource,
    LambdaSource,
    LookupSource,
    StaticSource,
    read_enrichment,
)
from event_bus.model.subscription import Subscription
from event_bus.registry.subscription_requests import SubscriptionChange
from event_bus.requests.validation import read

from tests.aws import TARGETS, Aws
from tests.builders import subscription

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:score"
ALL: dict[str, Any] = {
    "region": {"type": "static", "value": {"exact": 1.5, "none": None}},
    "customer": {"type": "lookup", "context": "customers", "key": "$.payload.id", "retries": 0},
    "score": {
        "type": "lambda",
        "function": FUNCTION,
        "key": "$.payload.id",
        "role_arn": "arn:aws:iam::000000000000:role/event-bus-score",
        "cache_seconds": 60,
        "timeout": 1,
    },
    "price": {
        "type": "http",
        "url": "https://prices.example/{sku}",
        "variables": {"sku": "$.payload.sku"},
        "fallback": "skip",
    },
}


@pytest.fixture(autouse=True)
def _told(tell: Callable[..., None]) -> None:
    tell(**TARGETS, STAGE="prod", API_HOST="bus.example")


def asked(sources: dict[str, Any]) -> Enrichment:
    change = read(SubscriptionChange, {"enrichment": sources})
    assert change.enrichment
    return enrichment_of(change.enrichment)


def test_every_source_is_stored_and_read_as_it_was_sent(aws: Aws) -> None:
    enrichment = asked(ALL)
    assert enrichment == {
        "region": StaticSource(json='{"exact":1.5,"none":null}'),
        "customer": LookupSource(context="customers", key="$.payload.id", retries=0),
        "score": LambdaSource(
            function=FUNCTION,
            key="$.payload.id",
            role_arn="arn:aws:iam::000000000000:role/event-bus-score",
            cache_seconds=60,
        ),
        "price": HttpSource(
            url="https://prices.example/{sku}",
            variables={"sku": "$.payload.sku"},
            fallback="skip",
        ),
    }
    made = aws.subscriptions.create(subscription(enrichment=enrichment))
    found = aws.subscriptions.get("sub_1")
    assert isinstance(found, Subscription)
    assert found == made
    assert found.enrichment == enrichment


def test_a_shown_enrichment_can_be_sent_back() -> None:
    enrichment = asked(ALL)
    shown = orjson.loads(orjson.dumps(enrichment_document(enrichment)))
    shown["score"]["external_id"] = "set by the bus"
    assert asked(shown) == enrichment
    assert enrichment_document(None) is None


def test_an_invalid_source_stays_unchanged_for_its_refusal() -> None:
    assert without_shown_sources({"a": 1, "b": [{}]}) == {"a": 1, "b": [{}]}
    assert without_shown_sources("all") == "all"


def test_members_of_a_later_version_are_left_out() -> None:
    stored = {"a": {"type": "static", "json": "1", "colour": "red"}}
    assert read_enrichment(stored)["a"].type == "static"


@pytest.mark.parametrize(
    ("source", "pointer"),
    [
        ({}, "/a/type"),
        ({"type": "sql"}, "/a/type"),
        ({"type": "static"}, "/a/value"),
        ({"type": "static", "value": "x" * MAX_PART_BYTES}, "/a/value"),
        ({"type": "static", "value": 1, "timeout": 1}, "/a/timeout"),
        ({"type": "lookup", "context": "a/b", "key": "$.id"}, "/a/context"),
        ({"type": "lookup", "context": "a"}, "/a/key"),
        ({"type": "lookup", "context": "a", "key": "id"}, "/a/key"),
        ({"type": "lookup", "context": "a", "key": "$.a[?(@)]"}, "/a/key"),
        ({"type": "lookup", "context": "a", "key": "$.id", "timeout": 5.1}, "/a/timeout"),
        ({"type": "lookup", "context": "a", "key": "$.id", "retries": 4}, "/a/retries"),
        ({"type": "lookup", "context": "a", "key": "$.id", "fallback": "drop"}, "/a/fallback"),
        ({"type": "lookup", "context": "a", "key": "$.id", "cache_seconds": 3601}, None),
        ({"type": "lambda", "function": "score"}, "/a/function"),
        ({"type": "lambda", "function": FUNCTION.replace("score", "event-bus-prod-Route")}, None),
        ({"type": "lambda", "function": FUNCTION, "cache_seconds": 1}, "/a/key"),
        (
            {
                "type": "lambda",
                "function": FUNCTION,
                "role_arn": ALL["score"]["role_arn"],
                "cache_seconds": 1,
            },
            "/a/key",
        ),
        ({"type": "lambda", "function": FUNCTION, "role_arn": "admin"}, "/a/role_arn"),
        ({"type": "http", "url": "http://plain.example"}, "/a/url"),
        ({"type": "http", "url": "https://bus.example/events"}, "/a/url"),
        ({"type": "http", "url": "https://127.0.0.1/x"}, "/a/url"),
        ({"type": "http", "url": "https://{host}/x", "variables": {"host": "$.id"}}, "/a/url"),
        ({"type": "http", "url": "https://a.example{x}/", "variables": {"x": "$.id"}}, "/a/url"),
        ({"type": "http", "url": "{x}://a.example", "variables": {"x": "$.id"}}, "/a/url"),
        ({"type": "http", "url": "https://a.example:{x}/", "variables": {"x": "$.id"}}, "/a/url"),
        ({"type": "http", "url": "https://a.example/{x"}, "/a/url"),
        ({"type": "http", "url": "https://a.example/x}"}, "/a/url"),
        ({"type": "http", "url": "https://a.example/{x}"}, "/a/variables"),
        (
            {"type": "http", "url": "https://a.example/", "variables": {"x/y": "$.id"}},
            "/a/variables/x~1y",
        ),
    ],
)
def test_an_invalid_source_is_refused_with_its_place(
    source: dict[str, Any], pointer: str | None
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        asked({"a": source})
    places = [fault.pointer for fault in refusal.value.faults]
    assert places == [f"/enrichment{pointer}"] if pointer else places


HTTP = {"type": "http", "url": "https://a.example/"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            {"type": "static", "value": "x" * MAX_PART_BYTES},
            f"must have at most {MAX_PART_BYTES} bytes as compact JSON",
        ),
        ({**HTTP, "url": "https://a.example/{x"}, "must name its variables in braces: {order_id}"),
        ({**HTTP, "url": "https://a.example/x}"}, "must name its variables in braces: {order_id}"),
        ({**HTTP, "url": "https://a.{x}/"}, "must have its variables after the host"),
        ({**HTTP, "variables": {"x": "$.id"}}, "is not in the URL"),
        ({**HTTP, "url": "https://a.example/{x}"}, "must have the variable x of the URL"),
        (
            {"type": "lambda", "function": FUNCTION, "cache_seconds": 1},
            "is required if results are cached",
        ),
    ],
)
def test_a_refusal_says_what_would_be_right(source: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        asked({"a": source})
    assert [fault.detail for fault in refusal.value.faults] == [said]


def test_a_value_of_the_largest_size_is_a_part() -> None:
    assert asked({"a": {"type": "static", "value": "x" * (MAX_PART_BYTES - 2)}})


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/{x}/y",
        "https://a.example/y/{x}",
        "https://a.example?x={x}",
        "https://a.example/?to=http://{x}.example/",
    ],
)
def test_variables_are_anywhere_after_the_host(url: str) -> None:
    assert asked({"a": {**HTTP, "url": url, "variables": {"x": "$.id"}}})


@pytest.mark.parametrize(
    ("told", "url"),
    [
        ({"CALLBACK_NETWORKS": "10.0.0.0/8"}, "https://10.1.2.3/x"),
        ({"STAGE": "local"}, "http://localhost:8000/x"),
    ],
)
def test_urls_lead_where_callbacks_may_lead(
    told: dict[str, str], url: str, tell: Callable[..., None]
) -> None:
    with pytest.raises(InvalidRequest):
        asked({"a": {**HTTP, "url": url}})
    tell(**told)
    assert asked({"a": {**HTTP, "url": url}})


@pytest.mark.parametrize("name", ["", "A", "1a", "a-b", "a" * 33, "é"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        asked({name: {"type": "static", "value": 1}})


def test_there_are_few_sources_and_they_take_little_time() -> None:
    one = {"type": "static", "value": 1}
    for sources in ({}, {f"p{number}": one for number in range(5)}):
        with pytest.raises(InvalidRequest):
            asked(sources)
    plain = {"type": "http", "url": "https://a.example/"}
    assert len(asked({f"p{number}": plain for number in range(4)})) == 4
    slow = {"type": "http", "url": "https://a.example/", "timeout": 2.5, "retries": 1}
    assert len(asked({"a": slow, "b": slow})) == 2
    with pytest.raises(InvalidRequest) as refusal:
        asked({"a": slow, "b": {**slow, "timeout": 2.6}})
    [fault] = refusal.value.faults
    assert fault.pointer == "/enrichment"
    assert fault.detail == (
        "must take at most 10 s in all, and may take 10.2 s: each source its timeout for each try"
    )


def test_an_inbox_has_no_enrichment() -> None:
    enrichment = asked({"a": {"type": "static", "value": 1}})
    check_enrichment_fits(enrichment, "http")
    check_enrichment_fits(None, "inbox")
    with pytest.raises(InvalidRequest) as refusal:
        check_enrichment_fits(enrichment, "inbox")
    [fault] = refusal.value.faults
    assert fault.pointer == "/enrichment"
    assert fault.detail == (
        "must be left out if the target is pull, sse or websocket: an inbox keeps no copies of "
        "events that could be enriched"
    )
