"""Requests over the API that wait: for the reply to a command, an endpoint or a function."""

from typing import Any

import pytest
from event_bus import times
from event_bus.access.callers import Caller

from tests.handlers import FunctionAnswer, Functions
from tests.hostile import answering, subscriber
from tests.unit.event_bus.states.functions import FOLD
from tests.unit.event_bus.states.streams import PLANNER, STREAM, append, register
from tests.unit.functions.commanding import (
    ANALYST,
    GENERATOR,
    STRANGER,
    registered,
    reply,
    send,
    use_clock,
)

__all__ = ["registered"]

CONSENT = "HTTP/1.1 204 X\r\nwebhook-allowed-origin: *\r\n\r\n"


def test_a_waiting_request_is_answered_when_the_reply_comes(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            reply(functions)

    use_clock(monkeypatch, sleep)
    sent = send(functions, query={"wait": "25"})
    assert (sent.status, sent.body["state"]) == (200, "succeeded")
    assert waits == [0.1, pytest.approx(0.15), pytest.approx(0.225)]


def test_a_wait_ends_and_costs_about_a_read_a_second(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, reads = [1000.0], 0
    original = functions.aws.dynamodb.get_item

    def get_item(**asked: Any) -> Any:
        nonlocal reads
        reads += asked["Key"].get("subscription_id", {}).get("S") == "#command"
        return original(**asked)

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr(functions.aws.dynamodb, "get_item", get_item)
    use_clock(monkeypatch, sleep, lambda: clock[0])
    sent = send(functions, query={"wait": "25"})
    assert (sent.status, sent.body["state"]) == (202, "accepted")
    assert clock[0] == pytest.approx(1025.0)
    assert reads <= 31


def _fill(functions: Functions, service_id: str) -> None:
    """Has as many requests of a service wait as may."""
    window = int(times.unix() // 30)
    for number in range(window, window + 3):
        functions.aws.limits.add(f"waits#{service_id}#{number}", 100_000, window * 30 + 300)


@pytest.mark.moto
def test_one_request_too_many_does_not_wait_and_publishes_nothing(functions: Functions) -> None:
    _fill(functions, "analyst")
    refused = send(functions, query={"wait": "5"})
    assert (refused.status, functions.aws.events.get("analyst:1")) == (429, None)
    assert send(functions).status == 202
    path = {"id": "analyst:1"}
    asked = functions.request(
        "inbox", "GET /commands/{id}", ANALYST, parameters=path, query={"wait": "5"}
    )
    assert asked.status == 429
    # What has ended is answered without a wait.
    reply(functions)
    asked = functions.request(
        "inbox", "GET /commands/{id}", ANALYST, parameters=path, query={"wait": "5"}
    )
    assert (asked.status, asked.body["state"]) == (200, "succeeded")


@pytest.mark.moto
def test_one_request_too_many_does_not_wait_for_an_endpoint(functions: Functions) -> None:
    body = {"event_types": ["task.*"]}
    with subscriber(answering(CONSENT)) as listening:
        asked = {**body, "callback_url": listening.url, "verify": True}

        def subscribe(caller: Caller) -> FunctionAnswer:
            return functions.request("registry", "POST /subscriptions", caller, asked)

        made = subscribe(GENERATOR)
        assert (made.status, len(listening.requests)) == (201, 1)
        _fill(functions, "generator")
        refused = subscribe(GENERATOR)
        assert (refused.status, refused.body["type"].rpartition(":")[2]) == (
            429,
            "too-many-requests",
        )
        assert "leave out verify, or retry later" in refused.body["detail"]
        changed = functions.request(
            "registry",
            "PATCH /subscriptions/{id}",
            GENERATOR,
            {"verify": True},
            parameters={"id": made.body["id"]},
        )
        assert (changed.status, len(listening.requests)) == (429, 1)
        # Other services have slots of their own, and what is not verified does not wait.
        assert subscribe(STRANGER).status == 201
        assert len(listening.requests) == 2
    del asked["verify"]
    assert subscribe(GENERATOR).status == 201


@pytest.mark.moto
def test_one_request_too_many_does_not_wait_for_a_function_that_reduces(
    functions: Functions,
) -> None:
    append(functions.aws, [{"n": 1}])

    def ask() -> FunctionAnswer:
        query = {"stream_id": STREAM.stream_id}
        return functions.request("events", "GET /streams/state", PLANNER, query=query)

    _fill(functions, "planner")
    # Without a function nothing waits.
    assert ask().status == 200
    register(functions.aws, FOLD)
    refused = ask()
    assert (refused.status, refused.body["detail"].rpartition("; ")[2]) == (429, "retry later.")


@pytest.mark.parametrize("wait", ["-1", "26", "1.5", "", "x"])
def test_a_wait_out_of_bounds_is_refused(functions: Functions, wait: str) -> None:
    refused = send(functions, query={"wait": wait})
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (400, "wait")
    assert functions.aws.events.get("analyst:1") is None
