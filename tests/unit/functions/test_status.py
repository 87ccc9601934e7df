"""Health checks of the bus, and the description of its API."""

import jsonschema_rs
import pytest
from event_bus.api.description import describe
from event_bus.settings import settings
from event_bus.version import MAJOR, VERSION

from tests.aws import Aws
from tests.cloudwatch import FAILURES
from tests.handlers import FunctionAnswer, Functions

pytestmark = pytest.mark.moto

LAGS = ("replays", "router-lag", "oldest-delivery", "oldest-due-delivery", "held-events")
UNROUTED = ("unroutable-events", "unroutable-redrive")
READY, BROKER, DATABASE = "GET /health/ready", "GET /health/broker", "GET /health/database"


@pytest.mark.parametrize(
    ("route", "checks"),
    [
        ("GET /health/live", set()),
        (READY, {"events-table", "http-lane", "enrich-lane", *UNROUTED, *LAGS}),
        (BROKER, {"http-lane", "enrich-lane", *UNROUTED, *LAGS}),
        (DATABASE, {"events-table"}),
    ],
)
def test_a_bus_whose_components_answer_is_healthy(
    functions: Functions, route: str, checks: set[str]
) -> None:
    answer = functions.request("status", route)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/health+json"
    assert answer.body["status"] == "pass"
    assert (answer.body["releaseId"], answer.body["version"]) == (VERSION, MAJOR)
    assert VERSION.startswith(f"{MAJOR}.")
    assert set(answer.body["checks"]) == checks


def test_a_fractional_lag_fits_its_description(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_bus.metrics.lag.oldest_due", lambda *_: 3.881)
    body = functions.request("status", BROKER).body
    assert body["checks"]["oldest-due-delivery"]["observedValue"] == 3.881
    jsonschema_rs.validate(
        {"$ref": "#/components/schemas/Health", "components": describe()["components"]}, body
    )


def test_the_age_of_the_oldest_delivery_is_told(functions: Functions, aws: Aws) -> None:
    aws.sqs.send_message(QueueUrl=functions.lane, MessageBody="x")
    functions.cloudwatch.ages[functions.lane.rpartition("/")[2]] = {60: 321}
    check = functions.request("status", BROKER).body["checks"]["oldest-delivery"]
    assert (check["status"], check["observedValue"], check["observedUnit"]) == ("pass", 321, "s")


def test_the_messages_of_read_models_and_replays_are_counted(
    functions: Functions, aws: Aws
) -> None:
    aws.sqs.send_message(QueueUrl=functions.replays, MessageBody="x")
    check = functions.request("status", BROKER).body["checks"]["replays"]
    assert (check["status"], check["observedValue"]) == ("pass", 1)
    assert check["observedUnit"] == "messages"


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_the_bus_is_healthy_without_cloudwatch(
    functions: Functions, aws: Aws, failure: Exception
) -> None:
    aws.sqs.send_message(QueueUrl=functions.lane, MessageBody="x")
    functions.cloudwatch.failing = failure
    answer = functions.request("status", READY)
    assert answer.status == 200
    check = answer.body["checks"]["oldest-delivery"]
    assert {**check, "time": ""} == {"status": "pass", "time": "", "output": "not known"}
    jsonschema_rs.validate(
        {"$ref": "#/components/schemas/Health", "components": describe()["components"]}, answer.body
    )


@pytest.mark.parametrize("part", UNROUTED)
def test_a_bus_warns_of_events_that_cannot_be_routed(
    functions: Functions, aws: Aws, part: str
) -> None:
    url = functions.unroutable if part == "unroutable-events" else functions.unroutable_redrive
    aws.sqs.send_message(QueueUrl=url, MessageBody="x")
    for route in (READY, BROKER):
        answer = functions.request("status", route)
        # It works for all other events.
        assert (answer.status, answer.body["status"]) == (200, "warn")
        warning = {name for name, each in answer.body["checks"].items() if each["status"] != "pass"}
        assert warning == {part}
        jsonschema_rs.validate(
            {"$ref": "#/components/schemas/Health", "components": describe()["components"]},
            answer.body,
        )


def test_a_bus_warns_of_a_router_that_stands_still(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_bus.metrics.lag.router_lag", lambda *_: 64)
    answer = functions.request("status", READY)
    assert (answer.status, answer.body["status"]) == (200, "warn")
    assert answer.body["checks"]["router-lag"]["status"] == "warn"


def test_a_bus_without_its_queue_is_not_ready_but_alive(functions: Functions, aws: Aws) -> None:
    aws.sqs.delete_queue(QueueUrl=functions.lane)
    for route, status in ((READY, 503), (BROKER, 503), (DATABASE, 200), ("GET /health/live", 200)):
        answer = functions.request("status", route)
        assert answer.status == status
        assert answer.body["status"] == ("pass" if status == 200 else "fail")


def asked(functions: Functions) -> FunctionAnswer:
    return functions.request("status", "GET /openapi.json", headers={"host": "elsewhere.example"})


def test_the_description_names_the_url_of_its_api(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On AWS the host that a client sends is not believed: the answer may be kept for others.
    deployed = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
    assert asked(functions).body["servers"] == [{"url": deployed}]
    monkeypatch.setitem(settings().environment, "AWS_ENDPOINT_URL", "http://127.0.0.1:4599")
    local = "http://elsewhere.example/_aws/execute-api/a1b2c3d4e5"
    assert asked(functions).body["servers"] == [{"url": local}]


def test_the_description_may_be_kept_for_a_while(functions: Functions) -> None:
    answer = asked(functions)
    assert answer.body["openapi"] == "3.1.0"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["content-type"] == "application/json"
