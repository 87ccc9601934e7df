"""What the bus reserves in its account, and what it caps."""

import pytest
from event_bus.queues.message import ENRICH

from infra.concurrency import lane_concurrency, lanes, reservations
from infra.settings import DeploymentSettings
from tests.table_uses import LANES
from tests.unit.infra.synthesised import CONTEXTS, Synthesised

reserving = pytest.mark.parametrize("app", ["dev"], indirect=True)
"""For tests of the app that reserves executions."""


def test_nothing_is_reserved_unless_asked_for(app: Synthesised) -> None:
    # A new account has ten executions, and none can be reserved.
    for name, function in app.functions().items():
        assert "ReservedConcurrentExecutions" not in function.properties, name


@reserving
def test_the_core_has_its_executions_and_what_waits_is_capped(app: Synthesised) -> None:
    reserved = {
        name: function.properties["ReservedConcurrentExecutions"]
        for name, function in app.functions().items()
        if "ReservedConcurrentExecutions" in function.properties
    }
    assert reserved == reservations(DeploymentSettings.of(CONTEXTS["dev"]))
    assert reserved.keys() == {*LANES, "enrich", "authorize", "publish", "route", "sweep", "inbox"}
    assert reserved["inbox"] == 40


@reserving
def test_a_lane_can_use_all_that_its_queue_may_ask_for(app: Synthesised) -> None:
    functions = app.functions()
    asked = {
        mapping.properties["FunctionName"]["Ref"]: mapping.properties["ScalingConfig"]
        for mapping in app.resources("AWS::Lambda::EventSourceMapping")
        if "ScalingConfig" in mapping.properties
    }
    for lane in LANES:
        reserved = functions[lane].properties["ReservedConcurrentExecutions"]
        assert reserved >= asked[functions[lane].name]["MaximumConcurrency"], lane
    # Lanes call this function as well. Its queue must leave them executions.
    reserved = functions["enrich"].properties["ReservedConcurrentExecutions"]
    assert reserved == 2 * asked[functions["enrich"].name]["MaximumConcurrency"]


def test_the_defaults_fit_into_an_account_of_a_thousand() -> None:
    assert sum(reservations(DeploymentSettings(reserve_concurrency=True)).values()) <= 1_000 - 100


def test_lanes_differ_where_settings_do() -> None:
    settings = DeploymentSettings(
        http_lane_concurrency=7, paced_lane_concurrency=8, aws_lane_concurrency=9
    )
    assert lane_concurrency("http", settings) == 7
    assert {lane_concurrency(each, settings) for each in ("http_paced", "http_slow")} == {8}
    others = ("sqs", "lambda", "lambda_paced", "lambda_slow")
    assert {lane_concurrency(each, settings) for each in others} == {9}
    assert {each for each in lanes() if "_" in each} == {
        *("http_paced", "http_slow", "lambda_paced", "lambda_slow"),
    }


@pytest.mark.parametrize(("chosen", "enriching"), [(2, 3), (3, 3), (4, 4), (10, 10)])
def test_slow_sources_and_those_on_trial_leave_a_function_to_others(
    chosen: int, enriching: int
) -> None:
    settings = DeploymentSettings(aws_lane_concurrency=chosen)
    assert lane_concurrency("lambda", settings) == chosen
    assert lane_concurrency(ENRICH, settings) == enriching
