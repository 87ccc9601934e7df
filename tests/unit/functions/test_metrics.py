"""Prometheus gets the gauges whose values are known."""

from typing import Any

import pytest
from event_bus.cache import Cache
from prometheus_client.parser import text_string_to_metric_families

from tests.aws import Aws
from tests.builders import AN_ADMIN
from tests.cloudwatch import FAILURES
from tests.handlers import Functions
from tests.requests import http_request

pytestmark = pytest.mark.moto

AGE = "event_bus_oldest_message_age_seconds"
NONE = {
    "audit": 0.0,
    "enrich_lane": 0.0,
    "http_lane_redrive": 0.0,
    "unroutable": 0.0,
    "replay": 0.0,
    "unroutable_redrive": 0.0,
}
"""Queues that hold nothing."""


def scraped(functions: Functions) -> dict[str, dict[str, float]]:
    """The gauges of queues, by the queue."""
    answer: Any = functions.invoke("metrics", http_request("GET /metrics", caller=AN_ADMIN))
    assert answer["statusCode"] == 200, answer["body"]
    return {
        family.name: {
            sample.labels["queue"]: sample.value
            for sample in family.samples
            if sample.labels.get("state", "visible") == "visible"
        }
        for family in text_string_to_metric_families(answer["body"])
        if family.name in (AGE, "event_bus_queue_messages")
    }


@pytest.fixture
def waiting(functions: Functions, aws: Aws) -> str:
    """The name of a queue in which a message waits."""
    aws.sqs.send_message(QueueUrl=functions.lane, MessageBody="x")
    return functions.lane.rpartition("/")[2]


def test_a_message_that_waits_is_as_old_as_sqs_says(functions: Functions, waiting: str) -> None:
    functions.cloudwatch.ages[waiting] = {60: 4_321}
    assert scraped(functions)[AGE] == {"http_lane": 4_321, **NONE}


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_without_cloudwatch_all_other_metrics_are_shown(
    functions: Functions, waiting: str, failure: Exception
) -> None:
    functions.cloudwatch.failing = failure
    assert scraped(functions) == {
        AGE: NONE,
        "event_bus_queue_messages": {"http_lane": 1, **NONE},
    }


def test_messages_in_redrive_queues_are_shown(functions: Functions, aws: Aws) -> None:
    aws.sqs.send_message(QueueUrl=functions.redrive, MessageBody="x")
    assert scraped(functions)["event_bus_queue_messages"]["http_lane_redrive"] == 1


def test_scraping_often_costs_no_more(
    functions: Functions, waiting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the other gauges had got old each time.
    monkeypatch.setattr(functions.load("metrics"), "_others", Cache(0, 1))
    for _ in range(3):
        scraped(functions)
    assert functions.cloudwatch.asked == [waiting]
