"""A flow shows which events led to which, and their deliveries."""

from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from event_bus import paging
from event_bus.api.diagram import flow_diagram
from event_bus.api.documents.flows import flow_document
from event_bus.errors import NotFound
from event_bus.model.delivery import Attempt, DeliveryKey
from event_bus.model.event import Event
from event_bus.paging import answered_bytes
from event_bus.querying import flows
from event_bus.querying.flows import Flow, FlowFinder
from event_bus.targets.envelope import delivery_trace

from tests.builders import AN_ADMIN, delivery, event, routing, service
from tests.unit.event_bus.querying.memory import finder

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def made(event_id: str, second: int, source: str = "planner", **metadata: Any) -> Event:
    time = f"2026-05-01T12:00:0{second}.000Z"
    sent = event(event_id, "task.created", source, timestamp=time, metadata=metadata)
    return replace(sent, created_at=time)


def causes(flow: Flow) -> dict[str, str | None]:
    return {step.found.event.id: step.cause for step in flow.steps}


CHAIN = [
    made("first", 0),
    made("second", 1, causation_id="first", correlation_id="first"),
    made("third", 2, causation_id="second", correlation_id="first"),
    made("other", 3, correlation_id="elsewhere"),
]


@pytest.mark.parametrize("event_id", ["first", "second", "third"])
def test_a_chain_is_found_from_each_of_its_events(executor: Executor, event_id: str) -> None:
    found = FlowFinder(finder(executor, CHAIN)[0])
    flow = found.of_event(event_id, AN_ADMIN)
    assert causes(flow) == {"first": None, "second": "first", "third": "second"}
    assert flow.complete
    assert flow == found.of_correlation("first", AN_ADMIN)


def test_a_trace_tells_what_was_published_while_a_delivery_was_handled(executor: Executor) -> None:
    first = made("first", 0, traceparent=PARENT, trace_id="t")
    trace = delivery_trace(DeliveryKey("first", "sub_1"), first)
    assert trace
    second = made("second", 1, "worker", traceparent=trace.traceparent, trace_id="t")
    reader = finder(executor, [first, second], [routing("first", sub_1="worker")])[0]
    flow = FlowFinder(reader).of_trace("t", AN_ADMIN)
    assert causes(flow) == {"first": None, "second": "first"}


def test_a_flow_shows_only_visible_events(executor: Executor) -> None:
    chain = [made("first", 0), made("second", 1, "worker", causation_id="first")]
    chain[1].metadata["correlation_id"] = "first"
    made_of = [delivery(event_id="first"), delivery(event_id="second", service_id="planner")]
    reader = FlowFinder(finder(executor, chain, made=made_of)[0])
    assert causes(reader.of_correlation("first", service("stranger"))) == {}
    own = reader.of_correlation("first", service("worker"))
    # What led to it may not be seen, and is not named.
    assert causes(own) == {"second": None}
    with pytest.raises(NotFound):
        reader.of_event("first", service("worker"))


def test_a_long_flow_is_cut_and_says_so(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "MAX_FLOW", 2)
    flow = FlowFinder(finder(executor, CHAIN)[0]).of_correlation("first", AN_ADMIN)
    # The first has no correlation id of its own; it is found by its id.
    assert list(causes(flow)) == ["first", "second", "third"]
    assert flow.complete
    monkeypatch.setattr(flows, "MAX_FLOW", 1)
    flow = FlowFinder(finder(executor, CHAIN)[0]).of_correlation("first", AN_ADMIN)
    assert (list(causes(flow)), flow.complete) == (["first", "second"], False)


FAILED = Attempt(1, "2026-05-01T12:00:01.000Z", 12, "http_status", "no", 500)
TAKEN = Attempt(2, "2026-05-01T12:00:04.000Z", 7, status_code=204)


@pytest.fixture
def flow(executor: Executor) -> Flow:
    reader = finder(
        executor,
        CHAIN[:2],
        [routing("first", sub_1="worker", sub_2="mailer")],
        made=[delivery(event_id="first", attempts=2, log=(FAILED, TAKEN))],
    )[0]
    return FlowFinder(reader).of_correlation("first", AN_ADMIN)


def test_a_flow_shows_each_attempt(flow: Flow) -> None:
    first, second = flow_document(flow)["events"]
    assert (first["cause"], second["cause"]) == (None, "first")
    assert second["routed_at"] is None
    assert [each["status"] for each in first["deliveries"]] == ["delivered", "pending"]
    assert first["deliveries"][0]["attempts"] == [
        {
            "number": 1,
            "at": FAILED.at,
            "duration_ms": 12,
            "status_code": 500,
            "error": "http_status",
        },
        {"number": 2, "at": TAKEN.at, "duration_ms": 7, "status_code": 204, "error": None},
    ]


def test_a_flow_has_the_deliveries_for_which_there_is_room(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = flow_document(flow)
    assert whole["complete"]
    monkeypatch.setattr(paging, "MAX_PAGE_BYTES", answered_bytes(whole["events"][0]) - 100)
    cut = flow_document(flow)
    assert not cut["complete"]
    assert [len(each["deliveries"]) for each in whole["events"]] == [2, 0]
    assert [len(each["deliveries"]) for each in cut["events"]] == [1, 0]
    monkeypatch.setattr(paging, "MAX_PAGE_BYTES", 10)
    assert [each["deliveries"] for each in flow_document(flow)["events"]] == [[], []]


def test_a_flow_shows_the_trace_that_a_subscriber_receives(executor: Executor) -> None:
    traced = made("traced", 0, traceparent=PARENT)
    sent = delivery(event_id="traced")
    reader = finder(executor, [traced], [routing("traced", sub_1="worker")], made=[sent])[0]
    [told] = flow_document(FlowFinder(reader).of_event("traced", AN_ADMIN))["events"]
    given = delivery_trace(sent.key, traced)
    assert given is not None
    assert [each["traceparent"] for each in told["deliveries"]] == [given.traceparent]


def test_two_subscriptions_of_a_service_are_told_apart(executor: Executor) -> None:
    reader = finder(
        executor,
        CHAIN[:1],
        [routing("first", sub_1="worker", sub_2="worker")],
        made=[
            delivery(event_id="first", subscription_id=name, attempts=2, log=(TAKEN,))
            for name in ("sub_1", "sub_2")
        ],
    )[0]
    drawn = flow_diagram(FlowFinder(reader).of_event("first", AN_ADMIN))
    for name in ("sub_1", "sub_2"):
        assert f"bus-->>s1: first for {name}, attempt 2: delivered in 7 ms" in drawn


def test_a_diagram_follows_the_order_of_events(flow: Flow) -> None:
    drawn = [line.strip() for line in flow_diagram(flow).splitlines()]
    assert drawn[:5] == [
        "sequenceDiagram",
        "participant bus as event bus",
        "participant s0 as planner",
        "participant s1 as worker",
        "participant s2 as mailer",
    ]
    assert drawn[5:] == [
        "s0->>bus: task.created first",
        "s0->>bus: task.created second, caused by first",
        "bus--xs1: first, attempt 1: http_status 500 in 12 ms",
        "bus-->>s1: first, attempt 2: delivered in 7 ms",
    ]
