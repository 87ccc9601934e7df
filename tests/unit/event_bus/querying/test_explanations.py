"""Each subscription that a caller may see is told the first reason why an event did not come."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.errors import InvalidRequest, NotFound
from event_bus.matching.explain import Reason, explain
from event_bus.matching.filters import SubscriptionFilter
from event_bus.model.delivery import Routing
from event_bus.model.enrichment import LookupSource, StaticSource
from event_bus.model.rights import Restriction
from event_bus.model.target import UnknownTarget
from event_bus.querying import explanations
from event_bus.querying.explanations import Explainer
from event_bus.querying.filter_tester import FilterTester
from event_bus.requests.testing import FilterTest, SubscriptionTest
from event_bus.requests.validation import read
from event_bus.transforms.transform import Transform

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import AN_ADMIN, binary_event, event, publisher, service, subscription

BEFORE, AFTER = "2026-01-01T00:00:00.000Z", "2100-01-01T00:00:00.000Z"
LARGE = {"task.created": {"total": [{"numeric": [">=", 100]}]}}


@pytest.fixture
def explainer(aws: Aws) -> Explainer:
    return Explainer(aws.events, aws.routings, aws.subscriptions, aws.rights_reader)


@pytest.fixture
def tester(aws: Aws, explainer: Explainer) -> FilterTester:
    return FilterTester(
        explainer, aws.subscriptions.get, aws.publishers.all, aws.readers, aws.upcaster
    )


def store(aws: Aws, payload: dict[str, Any] | None = None) -> None:
    aws.events.put(event(payload=payload or {"total": 20}), RETENTION_DAYS)


def subscribe(aws: Aws, name: str, *types: str, **members: Any) -> None:
    members = {"created_at": BEFORE, **members}
    aws.subscriptions.create(subscription(name, event_types=types or ("task.*",), **members))


def reasons(explainer: Explainer, caller: Caller = AN_ADMIN) -> dict[str, str | None]:
    found = list(explainer.matches("evt_1", None, 100, caller).matches)
    assert all(each.matched is (each.reason is None) for each in found)
    return {each.subscription.id: each.reason.code if each.reason else None for each in found}


def test_an_explanation_gives_the_first_reason(explainer: Explainer, aws: Aws) -> None:
    store(aws)
    aws.rights.restrict(Restriction("planner", {"task.*": ["worker"]}), [])
    subscribe(aws, "sub_1")
    subscribe(aws, "sub_2", "order.*", filters={}, status="disabled")
    subscribe(aws, "sub_3", filters=LARGE, status="disabled")
    subscribe(aws, "sub_4", service_id="stranger", status="disabled")
    subscribe(aws, "sub_5", created_at=AFTER, status="disabled")
    subscribe(aws, "sub_6", status="disabled", disabled_reason="gone")
    assert reasons(explainer) == {
        "sub_1": None,
        "sub_2": "type",
        "sub_3": "field",
        "sub_4": "not_permitted",
        "sub_5": "later",
        "sub_6": "disabled",
    }


def test_explanations_go_by_the_routing_record(explainer: Explainer, aws: Aws) -> None:
    store(aws)
    subscribe(aws, "sub_1", filters=LARGE)
    subscribe(aws, "sub_2")
    aws.routings.record([Routing("evt_1", {"sub_1": "worker"}, times.now())])
    # The first has changed since, and so has the second.
    assert reasons(explainer) == {"sub_1": None, "sub_2": "changed"}
    assert explainer.matches("evt_1", None, 1, AN_ADMIN).routed


def test_a_service_sees_explanations_of_its_own_subscriptions(
    explainer: Explainer, aws: Aws
) -> None:
    store(aws)
    subscribe(aws, "sub_1")
    subscribe(aws, "sub_2", service_id="other")
    assert reasons(explainer, service("worker")) == {"sub_1": None}
    assert reasons(explainer, service("other")) == {"sub_2": None}


def test_a_caller_without_a_right_to_an_event_learns_nothing(
    explainer: Explainer, aws: Aws
) -> None:
    store(aws)
    aws.rights.restrict(Restriction("planner", {"task.*": ["worker"]}), [])
    assert reasons(explainer, service("planner")) == {}
    said = []
    for caller, event_id in ((service("stranger"), "evt_1"), (AN_ADMIN, "evt_2")):
        with pytest.raises(NotFound) as refusal:
            explainer.matches(event_id, None, 10, caller)
        said.append(refusal.value.detail.replace(event_id, ""))
    assert said[0] == said[1]


def test_explanations_keep_sealed_values_sealed(explainer: Explainer, aws: Aws) -> None:
    aws.events.put(aws.seal.close(event(payload={"total": 2417}), ["/total"]), RETENTION_DAYS)
    subscribe(aws, "sub_1", filters=LARGE)
    [match] = explainer.matches("evt_1", None, 10, service("worker")).matches
    assert match.reason
    assert "sealed" in match.reason.detail
    assert "2417" not in match.reason.detail


def test_each_match_is_explained_when_it_is_asked_for(
    explainer: Explainer, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So a page ends before its request has taken too long.
    store(aws)
    for number in range(5):
        subscribe(aws, f"sub_{number}", filters=LARGE)
    explained: list[str] = []

    def counted(asked: SubscriptionFilter, *rest: Any) -> list[Reason]:
        explained.append("one")
        return explain(asked, *rest)

    monkeypatch.setattr(explanations, "explain", counted)
    matches = iter(explainer.matches("evt_1", None, 100, AN_ADMIN).matches)
    assert explained == []
    assert next(matches).subscription.id == "sub_0"
    assert explained == ["one"]


def test_a_page_continues_at_its_position(explainer: Explainer, aws: Aws) -> None:
    store(aws)
    for number in range(5):
        subscribe(aws, f"sub_{number}")
    seen, after = [], None
    while True:
        page = explainer.matches("evt_1", after, 2, AN_ADMIN)
        seen += [each.subscription.id for each in page.matches]
        after = page.position
        if after is None:
            break
    assert seen == [f"sub_{number}" for number in range(5)]


def test_an_event_that_is_sent_is_tested(tester: FilterTester, aws: Aws) -> None:
    subscribe(aws, "sub_1", filters=LARGE)
    for total, codes in ((100, []), (99, ["field"])):
        sent = {"event": {"type": "task.created", "payload": {"total": total}}}
        tested = tester.test_subscription("sub_1", read(SubscriptionTest, sent), service("worker"))
        assert [each.code for each in tested.reasons] == codes
    asked = read(SubscriptionTest, {"event": {"type": "task.created", "payload": {}}})
    with pytest.raises(NotFound):
        tester.test_subscription("sub_1", asked, service("other"))


def test_a_stored_event_is_tested(tester: FilterTester, aws: Aws) -> None:
    store(aws)
    for filters, codes in (({}, []), (LARGE, ["field"])):
        asked = read(FilterTest, {"event_id": "evt_1", "filters": filters})
        tested = tester.test_filters(asked, service("worker"))
        assert [each.code for each in tested.reasons] == codes


def test_misspelt_types_are_suggested(tester: FilterTester, aws: Aws) -> None:
    registered = publisher("shop", "order.placed", "order.paid", "stock.*")
    aws.add_publishers(registered, replace(publisher("secret"), event_types=["order.place"]))
    aws.rights.restrict(Restriction("secret", {"order.place": []}), [])

    def suggestions(*types: str, event_type: str = "order.placed") -> list[str]:
        sent = {"event": {"type": event_type, "payload": {}}, "event_types": list(types)}
        return tester.test_filters(read(FilterTest, sent), AN_ADMIN).suggestions

    assert suggestions("order.placed", "stock.low", "order.*") == []
    assert suggestions("order.payd") == [
        "no publisher is registered for order.payd; did you mean order.paid?"
    ]
    assert suggestions("order.*", event_type="user.made") == [
        "no publisher is registered for user.made"
    ]


def test_filters_in_another_form_are_refused_with_the_form_that_is_meant(
    tester: FilterTester,
) -> None:
    sent = {
        "event": {"type": "order.placed", "payload": {"total": 1}},
        "filters": {"detail": {"total": [1]}},
    }
    with pytest.raises(InvalidRequest, match=r'write .*"order.placed":.*"total":\[1\]'):
        tester.test_filters(read(FilterTest, sent), AN_ADMIN)


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({}, "/event"),
        ({"event_id": "e", "event": {"type": "a.b", "payload": {}}}, "/event"),
        ({"event": {"type": "no type", "payload": {}}}, "/event/type"),
        ({"event_id": "e", "colour": 1}, "/colour"),
    ],
)
def test_refusals(sent: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read(FilterTest, sent)
    assert [fault.pointer for fault in refusal.value.faults] == [pointer]


def test_a_subscription_test_shows_the_transformed_event(tester: FilterTester, aws: Aws) -> None:
    made = Transform("payload", expression='{"amount": total}')
    subscribe(aws, "sub_1", transform=made)
    subscribe(aws, "sub_2", transform=Transform("payload", expression="missing"))
    asked = read(SubscriptionTest, {"event": {"type": "task.created", "payload": {"total": 1}}})
    shown = tester.test_subscription("sub_1", asked, service("worker"))
    assert shown.sent
    assert (shown.sent.body, shown.sent.headers["content-type"]) == (
        '{"amount":1}',
        "application/json",
    )
    failed = tester.test_subscription("sub_2", asked, service("worker"))
    assert failed.sent is None
    assert failed.error == ("transform_failed", "the expression yields no value")


def test_a_target_of_a_later_version_is_named(tester: FilterTester, aws: Aws) -> None:
    subscribe(aws, "sub_1", filters=LARGE, target=UnknownTarget({}, type="pigeon"))
    asked = read(SubscriptionTest, {"event": {"type": "task.created", "payload": {"total": 1}}})
    tested = tester.test_subscription("sub_1", asked, service("worker"))
    assert [each.code for each in tested.reasons] == ["field"]
    assert tested.sent is None
    assert tested.error == (
        "message_refused",
        "this version of the bus has no targets of the type pigeon",
    )


def test_a_subscription_test_uses_the_given_enrichment(tester: FilterTester, aws: Aws) -> None:
    sources = {"region": StaticSource(json='"eu"'), "c": LookupSource(context="c", key="$.id")}
    subscribe(aws, "sub_1", enrichment=sources)
    sent: dict[str, Any] = {"event": {"type": "task.created", "payload": {}}}

    def added(**more: Any) -> Any:
        asked = read(SubscriptionTest, {**sent, **more})
        shown = tester.test_subscription("sub_1", asked, service("worker")).sent
        assert shown
        return orjson.loads(shown.body)["enrichment"]

    assert added() == {"region": "eu"}
    assert added(enrichment={"c": 1}) == {"c": 1}
    tried = {**sent, "enrichment": {"c": 2}, "transform": {"expression": "$event.enrichment.c"}}
    previewed = tester.test_filters(read(FilterTest, tried), service("worker")).sent
    assert previewed
    assert previewed.body == "2"
    with pytest.raises(InvalidRequest):
        read(SubscriptionTest, {**sent, "enrichment": {"c": "x" * 65_536}})


def test_a_transform_is_tried_on_an_event(tester: FilterTester) -> None:
    asked = {
        "event": {"type": "task.created", "payload": {"total": 1}},
        "transform": {
            "expression": '{"amount": total}',
            "headers": {"x-total": "$.payload.total"},
            "attributes": {"total": "$.payload.total"},
        },
    }
    tested = tester.test_filters(read(FilterTest, asked), service("worker"))
    assert tested.sent
    assert tested.sent.body == '{"amount":1}'
    assert tested.sent.headers["x-total"] == "1"
    assert tested.sent.attributes["total"] == {"DataType": "Number", "StringValue": "1"}
    failing = {**asked, "transform": {"expression": "missing"}}
    failed = tester.test_filters(read(FilterTest, failing), service("worker"))
    assert failed.error
    assert failed.error[0] == "transform_failed"
    with pytest.raises(InvalidRequest) as refusal:
        tester.test_filters(
            read(FilterTest, {**asked, "transform": {"expression": "$.a["}}), AN_ADMIN
        )
    assert [fault.pointer for fault in refusal.value.faults] == ["/transform/expression"]


def test_a_transform_that_is_tried_sees_no_sealed_value_of_others(
    tester: FilterTester, aws: Aws
) -> None:
    aws.events.put(aws.seal.close(event(payload={"total": 2417}), ["/total"]), RETENTION_DAYS)
    asked = read(FilterTest, {"event_id": "evt_1", "transform": {"format": "payload"}})
    shown = tester.test_filters(asked, service("stranger")).sent
    assert shown
    assert shown.body == '{"total":{"$encrypted":true}}'
    opened = tester.test_filters(asked, service("planner")).sent
    assert opened
    assert opened.body == '{"total":2417}'


def test_a_payload_that_is_not_json_has_no_fields(tester: FilterTester, aws: Aws) -> None:
    aws.events.put(binary_event(), RETENTION_DAYS)
    filters = {"task.created": {"metadata": {"tenant": [{"exists": False}]}}}
    for asked, codes in ((filters, []), (LARGE, ["field"])):
        tested = tester.test_filters(
            read(FilterTest, {"event_id": "evt_1", "filters": asked}), service("worker")
        )
        assert [each.code for each in tested.reasons] == codes
