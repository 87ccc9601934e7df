"""Counted units are priced as AWS prices them, and shared costs are divided among events."""

import pytest

from benchmarks import prices
from benchmarks.bill import CALL_MS, SUBSCRIBER_MS, bill, floor
from benchmarks.metered.bus import Invocation
from benchmarks.metered.scenarios import SCENARIOS, Scenario, Usage
from benchmarks.metered.wire import Call

ALONE = Scenario("alone", "task", 1, batched=False, events=10)
MEMORY = {"publish": 1769, "deliver_http": 512, "audit": 512}
LARGE = 1769 / 1024


def call(
    service: str, operation: str, function: str = "publish", began: float = 0, **members: object
) -> Call:
    told = {"ended": began + 1, "chunks": 1, "written": {}, "read": {}, **members}
    return Call(function, service, operation, began, **told)  # type: ignore[arg-type]


def invocation(function: str, processor_ms: float = 0, logged: int = 0) -> Invocation:
    return Invocation(function, processor_ms, 2 * processor_ms, 1, logged)


def billed(*calls: Call, invocations: tuple[Invocation, ...] = ()) -> dict[str, float]:
    return dict(bill(Usage(ALONE, list(calls), list(invocations)), MEMORY))


@pytest.mark.parametrize(
    ("made", "name", "dollars"),
    [
        (call("DynamoDB", "PutItem", written={"events": 2, "events.by_cell": 1}), "writes", 0.1875),
        (call("DynamoDB", "Query", read={"changes": 0.5}), "reads", 0.00625),
        (call("SQS", "SendMessageBatch", chunks=3), "SQS", 0.15),
        (call("S3", "PUT"), "S3", 0.5),
        (call("S3", "GET"), "S3", 0.04),
        (call("KMS", "Sign"), "KMS", 1.5),
        (call("KMS", "Decrypt"), "KMS", 0.3),
        (call("Secrets Manager", "GetSecretValue"), "Secrets Manager", 0.5),
    ],
)
def test_a_call_costs_what_its_service_asks_for(made: Call, name: str, dollars: float) -> None:
    # One call for ten events; the bill is for a million.
    found = {key.rpartition(", ")[2]: value for key, value in billed(made).items()}
    assert found[name] == pytest.approx(dollars)


def test_a_call_of_a_function_brings_what_leads_to_it() -> None:
    published = billed(invocations=(invocation("publish", logged=1000),))
    assert published["API Gateway"] == pytest.approx(0.1)
    assert published["Lambda, calls"] == pytest.approx(0.02)
    assert published["CloudWatch, logs"] == pytest.approx(0.05)
    delivered = billed(invocations=(invocation("deliver_http"),))
    assert "API Gateway" not in delivered
    # A receipt and a removal.
    assert delivered["SQS"] == pytest.approx(0.09)


def test_a_function_is_charged_for_its_processor_and_for_what_it_waits_for() -> None:
    side_by_side = [call("DynamoDB", "PutItem", began=began) for began in (0, 0.5, 0.9, 5)]
    found = billed(*side_by_side, invocations=(invocation("publish", processor_ms=10),))
    milliseconds = 10 + 2 * CALL_MS
    assert found["Lambda, time"] == pytest.approx(
        milliseconds / 1000 * LARGE * prices.GB_SECOND * 100_000
    )
    # With a part of the memory goes a part of the processor; and the subscriber takes its time.
    small = billed(invocations=(invocation("deliver_http", processor_ms=10),))
    milliseconds = 10 * 1769 / 512 + SUBSCRIBER_MS
    assert small["Lambda, time"] == pytest.approx(
        milliseconds / 1000 / 2 * prices.GB_SECOND * 100_000
    )


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_the_floor_is_what_no_bus_of_this_design_is_below(scenario: Scenario) -> None:
    stored = call("DynamoDB", "PutItem", written={"events": 2.0 * scenario.events})
    least = floor(Usage(scenario, [stored], []))
    assert least["DynamoDB, writes"] == pytest.approx((2 + scenario.fan_out) * 0.625)
    assert least["API Gateway"] == pytest.approx(0.01 if scenario.batched else 1)
    assert least["SQS"] == pytest.approx(0.14 * scenario.fan_out)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_a_scenario_publishes_what_it_says(scenario: Scenario) -> None:
    requests = list(scenario.requests())
    events = [event for body in requests for event in (body if scenario.batched else [body])]
    assert len(events) == scenario.events
    assert {event["type"] for event in events} == {f"{scenario.domain}.created"}
