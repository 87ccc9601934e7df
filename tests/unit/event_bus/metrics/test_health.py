"""Health checks show which components answer, and cache the results."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus.metrics.health import (
    CACHE_SECONDS,
    Health,
    HealthCheck,
    database_check,
    queue_check,
    seconds_check,
    worst,
)
from event_bus.stores.table import Table

from tests.aws import Aws
from tests.clock import Clock

pytestmark = pytest.mark.moto


class Component:
    """Something that can be looked at, and broken."""

    def __init__(self) -> None:
        self.looks = 0
        self.broken = False

    def look(self) -> dict[str, Any]:
        self.looks += 1
        if self.broken:
            raise ConnectionError("secret details")
        return {"observedValue": self.looks}


def test_a_component_that_answers_passes_with_its_observation() -> None:
    [check] = Health({"broker": {"lane": Component().look}}).check("broker")
    assert check.name == "lane"
    assert check.document() == {"status": "pass", "time": check.time, "observedValue": 1}


def test_a_component_that_does_not_answer_fails_without_details() -> None:
    component = Component()
    component.broken = True
    [check] = Health({"broker": {"lane": component.look}}).check("broker")
    assert check.document() == {"status": "fail", "time": check.time, "output": "does not answer"}


def test_one_broken_component_does_not_hide_the_others() -> None:
    broken, sound = Component(), Component()
    broken.broken = True
    checks = Health({"a": {"1": broken.look}, "b": {"2": sound.look}}).check("a", "b")
    assert [(check.name, check.status) for check in checks] == [("1", "fail"), ("2", "pass")]
    assert worst(checks) == "fail"
    assert worst(checks[1:]) == worst([]) == "pass"


def test_only_the_areas_that_were_asked_for_are_looked_at() -> None:
    other = Component()
    Health({"a": {"1": Component().look}, "b": {"2": other.look}}).check("a")
    assert other.looks == 0


@pytest.mark.parametrize("broken", [False, True])
def test_a_result_stands_for_a_while(broken: bool) -> None:
    clock, component = Clock(), Component()
    component.broken = broken
    health = Health({"a": {"1": component.look}}, clock)
    first = health.check("a")
    clock.now += CACHE_SECONDS - 0.1
    assert health.check("a") == first
    assert component.looks == 1
    component.broken = False
    clock.now += 0.2
    [check] = health.check("a")
    assert check.status == "pass"
    assert component.looks == 2


def test_a_table_passes_while_it_is_there(aws: Aws) -> None:
    assert database_check(aws.events.probe)() == {}
    events = replace(aws.events, table=Table(aws.dynamodb, "gone"))
    gone = Health({"database": {"gone": database_check(events.probe)}})
    assert [check.status for check in gone.check("database")] == ["fail"]


def test_a_queue_tells_how_many_messages_wait(aws: Aws) -> None:
    url = aws.queue()
    aws.sqs.send_message(QueueUrl=url, MessageBody="x")
    assert queue_check(aws.sqs, url)() == {"observedValue": 1, "observedUnit": "messages"}


def test_a_queue_that_should_be_empty_warns(aws: Aws) -> None:
    url = aws.queue()
    health = Health({"broker": {"unroutable": queue_check(aws.sqs, url, "look")}}, clock := Clock())
    [check] = health.check("broker")
    assert (check.status, check.observed["observedValue"]) == ("pass", 0)
    aws.sqs.send_message(QueueUrl=url, MessageBody="x")
    clock.now += CACHE_SECONDS + 1
    [check] = health.check("broker")
    assert (check.status, check.observed["output"]) == ("warn", "look")
    assert worst([check, HealthCheck("lane", "pass", check.time, {})]) == "warn"


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, "pass"), (60, "pass"), (61, "warn"), (None, "pass")]
)
def test_a_component_that_is_too_far_behind_warns(seconds: float | None, status: str) -> None:
    [check] = Health({"broker": {"lag": seconds_check(lambda: seconds, 60)}}).check("broker")
    assert check.status == status


def test_a_check_is_shown_with_its_time() -> None:
    document = HealthCheck("lane", "pass", "2026-05-01T12:00:00.000Z", {}).document()
    assert document == {"status": "pass", "time": "2026-05-01T12:00:00.000Z"}
