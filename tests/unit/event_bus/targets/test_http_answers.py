"""What a subscriber answers decides what becomes of an HTTP delivery."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from event_bus.callbacks.client import MAX_RESPONSE_BYTES
from event_bus.model.outcome import KEPT_RESPONSE_BYTES, Outcome

from tests.hostile import HostileConnection, answering, answering_once, subscriber
from tests.unit.event_bus.targets.http_requests import NO_CONTENT, OK, Deliver, deliver, outcome_of

__all__ = ["deliver"]


@pytest.mark.parametrize(
    "answer",
    [
        NO_CONTENT,
        OK,
        "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 299 Own\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnot!",
        "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    ],
)
def test_an_answer_of_2xx_means_delivered(deliver: Deliver, answer: str) -> None:
    outcome = outcome_of(deliver, answering(answer))
    assert outcome.delivered
    assert outcome.status_code == int(answer.split()[1])


@pytest.mark.parametrize("status", [300, 304, 400, 401, 404, 410, 429, 500, 503, 599])
def test_any_other_answer_is_a_failure_that_is_named(deliver: Deliver, status: int) -> None:
    answer = f"HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n"
    outcome = outcome_of(deliver, answering(answer))
    assert not outcome.delivered
    assert (outcome.code, outcome.status_code) == ("http_status", status)
    assert outcome.message == f"the subscriber answered {status}"
    assert outcome.gone is (status == 410)
    assert outcome.client_error is (status in (300, 304, 400, 401, 404, 410))


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("0", 0), ("120", 120), (" 7 ", 7), ("9" * 40, 999_999_999)],
)
def test_the_outcome_has_the_retry_after_of_the_answer(
    deliver: Deliver, status: int, asked: str, seconds: float
) -> None:
    answer = f"HTTP/1.1 {status} No\r\nretry-after: {asked}\r\ncontent-length: 0\r\n\r\n"
    assert outcome_of(deliver, answering(answer)).retry_after == seconds


def test_a_wait_may_be_a_date(deliver: Deliver) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    answer = f"HTTP/1.1 503 No\r\nretry-after: {date}\r\ncontent-length: 0\r\n\r\n"
    asked = outcome_of(deliver, answering(answer)).retry_after
    assert asked is not None
    assert 85 < asked <= 90


@pytest.mark.parametrize(
    ("status", "asked"), [(503, "soon"), (503, "-5"), (503, "1.5"), (503, ""), (500, "60")]
)
def test_a_retry_after_header_that_does_not_apply_is_ignored(
    deliver: Deliver, status: int, asked: str
) -> None:
    answer = f"HTTP/1.1 {status} No\r\nretry-after: {asked}\r\ncontent-length: 0\r\n\r\n"
    assert outcome_of(deliver, answering(answer)).retry_after is None


def test_the_beginning_of_an_answer_is_kept(deliver: Deliver) -> None:
    answer = "HTTP/1.1 500 No\r\ncontent-length: 1000\r\n\r\n" + "ab" * 500
    assert outcome_of(deliver, answering(answer)).response == "ab" * (KEPT_RESPONSE_BYTES // 2)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(deliver: Deliver, status: int) -> None:
    with subscriber(answering(NO_CONTENT)) as elsewhere:
        answer = f"HTTP/1.1 {status} Go\r\nlocation: {elsewhere.url}\r\ncontent-length: 0\r\n\r\n"
        assert outcome_of(deliver, answering(answer)).code == "http_status"
        assert elsewhere.connections == 0


@pytest.mark.parametrize("status", [200, 204, 410, 503])
@pytest.mark.parametrize(
    "cut_off",
    [
        "",
        "content-length: 3\r\n",
        "content-length: 100\r\n\r\nok",
        "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
    ],
)
def test_an_answer_that_is_cut_off_is_none_whatever_its_status(
    deliver: Deliver, status: int, cut_off: str
) -> None:
    outcome = outcome_of(deliver, answering_once(f"HTTP/1.1 {status} X\r\n{cut_off}"))
    if status == 204 and "\r\n\r\n" in cut_off:
        # It has no body, whatever its head says.
        assert outcome.delivered
        return
    assert (outcome.code, outcome.status_code, outcome.gone) == ("connection_broken", None, False)


def test_an_answer_that_is_not_valid_is_named(deliver: Deliver) -> None:
    outcome = outcome_of(deliver, answering_once("SSH-2.0-OpenSSH_9.2\r\n"))
    assert outcome == Outcome(
        "invalid_answer",
        "the answer is not valid HTTP/1.1: it does not begin with a status line of HTTP/1.1",
    )


def test_a_huge_answer_is_not_read_to_its_end(deliver: Deliver) -> None:
    said = 0

    def talk(conversation: HostileConnection) -> None:
        nonlocal said
        conversation.read()
        conversation.say("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while True:
            conversation.say(b"x" * MAX_RESPONSE_BYTES)
            said += MAX_RESPONSE_BYTES

    assert outcome_of(deliver, talk).delivered
    assert said < 64 * 1024 * 1024


def test_the_error_message_does_not_quote_the_answer(deliver: Deliver) -> None:
    answer = "HTTP/1.1 500 token-in-reason\r\ncontent-length: 13\r\n\r\ntoken-in-body"
    outcome = outcome_of(deliver, answering(answer))
    assert "token" not in outcome.message
