"""Commands over the API that expire, are cancelled or become dead letters."""

import pytest
from event_bus import times
from event_bus.model.transitions import exhausted

from tests.builders import delivery
from tests.clock import pass_by
from tests.handlers import Functions
from tests.interference import before_next
from tests.unit.functions.commanding import (
    ANALYST,
    GENERATOR,
    cancel,
    read,
    registered,
    reply,
    route,
    send,
)

__all__ = ["registered"]


def test_after_its_deadline_a_command_has_expired(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadline = {"deadline": times.after(60)}
    assert send(functions, metadata=deadline).status == 202
    pass_by(monkeypatch, 61)
    late = reply(functions)
    assert late.status == 409
    assert "expired before its reply" in late.body["detail"]
    found = read(functions).body
    assert (found["state"], found["error"]["status"]) == ("expired", 504)
    assert [each["service_id"] for each in found["late_replies"]] == ["generator"]
    assert found["replies"] == []
    assert cancel(functions).status == 409
    # It stays so, though a clock went back.
    pass_by(monkeypatch, -61)
    assert reply(functions).status == 409
    assert read(functions).body["state"] == "expired"


def test_a_reply_does_not_revive_a_command_that_was_answered_as_expired(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert send(functions, metadata={"deadline": times.after(60)}).status == 202
    pass_by(monkeypatch, 61)
    assert read(functions).body["state"] == "expired"
    # The clock of another function may be behind.
    pass_by(monkeypatch, -61)
    assert reply(functions).status == 409
    assert read(functions).body["state"] == "expired"


def test_a_cancelled_command_is_not_answered(functions: Functions) -> None:
    send(functions)
    for _ in range(2):
        found = cancel(functions)
        assert (found.status, found.body["state"]) == (200, "cancelled")
    assert found.body["cancelled_by"] == "analyst"
    late = reply(functions)
    assert (late.status, "was cancelled" in late.body["detail"]) == (409, True)
    assert len(read(functions).body["late_replies"]) == 1
    assert send(functions).status == 200


def give_up(functions: Functions) -> str:
    """Makes a dead letter of the delivery of a command to its handler."""
    send(functions, metadata={"deadline": times.after(60)})
    route(functions, "analyst:1")
    handler = read(functions).body["handler"]["subscription_id"]
    attempted = delivery("retrying", "analyst:1", handler, service_id="generator")
    given_up = exhausted(attempted, "timeout", "too late")
    functions.aws.deliveries.record(given_up, 1)
    return str(given_up.dead_letter_id)


def retry(functions: Functions, letter: str) -> None:
    """Retries a dead letter."""
    route = "POST /dead-letters/{id}/retry"
    retried = functions.request("recovery", route, GENERATOR, parameters={"id": letter})
    assert retried.status == 202, retried.body


def test_a_command_that_was_given_up_is_open(functions: Functions) -> None:
    letter = give_up(functions)
    failed = read(functions).body
    assert (failed["state"], failed["ended_at"]) == ("failed", None)
    assert failed["error"]["type"].endswith("delivery-failed")
    retry(functions, letter)
    opened = read(functions).body
    assert (opened["state"], opened["error"], opened["ended_at"]) == ("accepted", None, None)
    assert reply(functions).status == 202
    assert read(functions).body["state"] == "succeeded"


def test_a_command_that_was_given_up_is_cancelled_for_good(functions: Functions) -> None:
    letter = give_up(functions)
    assert cancel(functions).body["state"] == "cancelled"
    retry(functions, letter)
    assert (read(functions).body["state"], reply(functions).status) == ("cancelled", 409)


def test_a_command_that_was_given_up_expires_for_good(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = give_up(functions)
    pass_by(monkeypatch, 61)
    assert read(functions).body["state"] == "expired"
    retry(functions, letter)
    assert (read(functions).body["state"], reply(functions).status) == ("expired", 409)


def test_an_answered_command_is_not_cancelled(functions: Functions) -> None:
    send(functions)
    reply(functions)
    refused = cancel(functions)
    assert (refused.status, "it succeeded" in refused.body["detail"]) == (409, True)


def test_of_a_reply_and_a_cancellation_at_the_same_time_one_counts(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(functions)
    before_next(functions.aws, monkeypatch, "transact_write_items", lambda: cancel(functions))
    assert reply(functions).status == 409
    found = read(functions).body
    assert (found["state"], found["replies"]) == ("cancelled", [])
    assert len(found["late_replies"]) == 1
    send(functions, id="analyst:2")
    before_next(
        functions.aws,
        monkeypatch,
        "put_item",
        lambda: reply(functions, command="analyst:2"),
    )
    path = {"id": "analyst:2"}
    answer = functions.request("inbox", "POST /commands/{id}/cancel", ANALYST, parameters=path)
    assert answer.status == 409
    assert read(functions, command="analyst:2").body["state"] == "succeeded"
