"""What is sent again, after how long, and what an answer means."""

import httpx
import pytest
from event_bus.strict_json import parse
from event_bus_client import (
    Conflict,
    EventBus,
    Fault,
    InternalError,
    InvalidRequest,
    NotFound,
    Problem,
    RetryPolicy,
    ServerError,
    TooManyRequests,
    Unavailable,
)
from event_bus_client.calls import (
    LONGEST_PAUSE,
    Call,
    creating,
    encoded,
    path,
    pause_after,
    read,
)
from event_bus_client.errors import problem

READING = Call("GET", "/events")
CREATING = creating("/replays")
ONCE = Call("POST", "/things", repeatable=False)
POLICY = RetryPolicy(attempts=4, first_wait=1, longest_wait=8, randomness=lambda: 1.0)


def answer(status: int, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers={k.replace("_", "-"): v for k, v in headers.items()})


def test_waits_grow_until_the_attempts_are_used_up() -> None:
    waits = [POLICY.wait(READING, attempt, None) for attempt in range(1, 6)]
    assert waits == [1, 2, 4, None, None]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_failures_of_the_bus_are_tried_again(status: int) -> None:
    assert POLICY.wait(READING, 1, answer(status)) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 501])
def test_refusals_are_not_tried_again(status: int) -> None:
    assert POLICY.wait(READING, 1, answer(status)) is None


def test_an_unrepeatable_request_is_repeated_only_after_a_429() -> None:
    assert POLICY.wait(ONCE, 1, None) is None
    assert POLICY.wait(ONCE, 1, answer(503)) is None
    assert POLICY.wait(ONCE, 1, answer(429)) == 1


@pytest.mark.parametrize(
    ("asked", "wait"),
    [("3", 4), ("0", 1), ("8", 9), ("9", None), ("soon", 1), ("-1", 1), ("nan", 1), ("inf", 1)],
)
def test_retry_after_is_honoured_up_to_the_longest_wait(asked: str, wait: float | None) -> None:
    assert POLICY.wait(READING, 1, answer(503, retry_after=asked)) == wait


IN_PROGRESS = answer(409, retry_after="6")


def test_a_request_whose_earlier_attempt_is_carried_out_is_tried_again() -> None:
    # The last attempt comes when the earlier one has ended.
    waits = [POLICY.wait(CREATING, attempt, IN_PROGRESS) for attempt in range(1, 5)]
    assert waits == [1, 2, 6, None]
    assert POLICY.wait(CREATING, 3, answer(409, retry_after="35")) == POLICY.longest_wait
    assert POLICY.wait(CREATING, 1, answer(409)) is None
    assert POLICY.wait(READING, 1, IN_PROGRESS) is None


def test_ids_cannot_leave_their_place_in_a_path() -> None:
    assert path("/events/{}", "a/../b?c#d e") == "/events/a%2F..%2Fb%3Fc%23d%20e"
    assert path("/events/{}", "...") == "/events/..."
    sent: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(204)

    bus = EventBus("https://bus.example", transport=httpx.MockTransport(respond))
    for each in ("", ".", ".."):
        with pytest.raises(NotFound):
            bus.subscriptions.delete(each)
        with pytest.raises(NotFound):
            next(bus.inbox(each).receive())
    assert sent == []


def test_each_creating_call_has_its_own_idempotency_key() -> None:
    keys = {creating("/replays").headers["idempotency-key"] for _ in range(10)}
    assert len(keys) == 10


def test_problem_details_become_an_exception_of_their_kind() -> None:
    document = {
        "type": "urn:event-bus:problem:invalid-request",
        "title": "The request is not valid",
        "status": 422,
        "detail": "/type: is missing",
        "errors": [{"pointer": "/type", "detail": "is missing"}],
        "instance": "/events",
        "request_id": "r-1",
    }
    with pytest.raises(InvalidRequest) as refused:
        read(httpx.Response(422, json=document))
    assert refused.value.faults == (Fault("/type", "is missing"),)
    assert refused.value.request_id == "r-1"
    assert "/type: is missing" in str(refused.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, TooManyRequests),
        (409, Conflict),
        (503, Unavailable),
        (502, ServerError),
        (418, Problem),
    ],
)
def test_an_error_without_a_problem_document_is_raised_by_its_status(
    status: int, kind: type[Problem]
) -> None:
    for body in (b'{"message":"Too Many Requests"}', b"<html>", b"", b"[1]", b'{"errors": 1}'):
        response = httpx.Response(
            status, content=body, headers={"content-type": "application/json"}
        )
        with pytest.raises(kind) as refused:
            read(response)
        assert type(refused.value) is kind
        assert refused.value.status == status


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (500, "Internal Server Error", "It could not call the bus"),
        (503, "Service Unavailable", "It could not call the bus"),
        (429, "Too Many Requests", "All requests to the bus together"),
        (404, "Not Found", "Is this the URL of the bus?"),
        (413, "Request Too Long", "API Gateway gave this answer, not the bus."),
    ],
)
def test_an_answer_of_api_gateway_is_explained(status: int, message: str, said: str) -> None:
    given = httpx.Response(status, json={"message": message}, headers={"apigw-requestid": "r-2"})
    with pytest.raises(Problem) as refused:
        read(given)
    assert str(refused.value).startswith(f"{status} {message}: API Gateway gave this answer")
    assert said in str(refused.value)
    assert refused.value.request_id == "r-2"


def test_an_unknown_kind_of_problem_is_known_by_its_status() -> None:
    made = problem(409, {"type": "urn:event-bus:problem:of-tomorrow", "title": "New"})
    assert isinstance(made, Conflict)
    assert made.kind == "of-tomorrow"


AT = "2026-03-01T09:00:00.000Z"
RECEIPT = {
    "id": "evt_1",
    "type": "order.placed",
    "source": "shop",
    "timestamp": AT,
    "created_at": AT,
}
AUTHORIZER_FAILS = httpx.Response(500, json={"message": "Internal Server Error"})


@pytest.mark.parametrize("failures", [2, 3])
def test_what_api_gateway_answers_for_its_authorizer_is_tried_again(failures: int) -> None:
    sent: list[httpx.Request] = []

    def bus(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        if len(sent) <= failures:
            return AUTHORIZER_FAILS
        return httpx.Response(202, json=RECEIPT)

    retries = RetryPolicy(attempts=3, first_wait=0)
    with EventBus("https://bus", retries=retries, transport=httpx.MockTransport(bus)) as client:
        if failures == 2:
            assert client.publish("order.placed", {"n": 1}).id == RECEIPT["id"]
        else:
            with pytest.raises(InternalError, match="API Gateway gave this answer, not the bus"):
                client.publish("order.placed", {"n": 1})
    assert len(sent) == 3
    # The same event each time.
    assert len({each.content for each in sent}) == 1


@pytest.mark.parametrize("asked", [0.5, 1, 30, 59])
def test_loops_that_were_refused_together_do_not_come_back_together(asked: float) -> None:
    failure = problem(409, {}, retry_after=asked)
    pauses = [pause_after(failure, 1.0) for _ in range(200)]
    assert asked <= min(pauses) < asked + 0.2
    assert asked + 0.8 < max(pauses) <= asked + 1


@pytest.mark.parametrize("asked", [59.5, 60, 4_000])
def test_a_loop_waits_for_a_minute_at_most(asked: float) -> None:
    failure = problem(503, {}, retry_after=asked)
    assert pause_after(failure, 1.0, lambda: 0.75) == LONGEST_PAUSE


def test_a_loop_waits_as_it_chooses_if_the_bus_does_not_say_how_long() -> None:
    assert pause_after(problem(503, {}), 2.5) == 2.5
    assert pause_after(problem(409, {}, retry_after=0.0), 2.5) == 2.5


@pytest.mark.parametrize("text", ["\ufffd", "a\\\ufffd\\", "Grüße \ufffd\U0001f600", "\\ufffd"])
def test_the_bus_reads_every_text_that_the_client_writes(text: str) -> None:
    assert parse(encoded({"text": text, text: None}).decode()) == {"text": text, text: None}


@pytest.mark.parametrize(("body", "count"), [({"expected_version": 1}, 1), ({}, 3)])
def test_a_call_that_would_contradict_itself_is_not_repeated(
    body: dict[str, int], count: int
) -> None:
    asked: list[httpx.Request] = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(503)

    quick = RetryPolicy(attempts=3, first_wait=0)
    bus = EventBus("https://bus.test", retries=quick, transport=httpx.MockTransport(answers))
    with pytest.raises(Unavailable):
        bus.call("PUT", "/contexts/customers/ada", body={"value": 1, **body})
    assert len(asked) == count
