"""An HTTP delivery ends in time, whatever the subscriber does, and says what happened."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_network
from typing import Any

import orjson
import pytest
from event_bus.callbacks.client import MAX_RESPONSE_BYTES, CallbackClient
from event_bus.model.delivery import DeliveryKey
from event_bus.model.outcome import KEPT_RESPONSE_BYTES, Outcome
from event_bus.model.pace import SLOW_SECONDS
from event_bus.model.registration import DeliveryGuarantee, Subscription
from event_bus.model.retry_policy import RetryPolicy
from event_bus.targets.http import HttpTarget, HttpTransport
from event_bus.targets.transport import DeliveryRequest
from standardwebhooks import Webhook

from tests.builders import SECRET, event, subscription
from tests.hostile import (
    Conversation,
    Talk,
    answering,
    answering_once,
    subscriber,
    unused_url,
)
from tests.unit.event_bus.targets.requests import faults, validated

DEADLINE = 0.3
BUSY = 30.0
"""A deadline that holds on a busy machine, too."""

NO_CONTENT = "HTTP/1.1 204 No Content\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

KEY = DeliveryKey("evt_1", "sub_1")


def known(_: Subscription) -> list[str]:
    """The secrets of every subscription."""
    return [SECRET]


def transport(**members: Any) -> HttpTransport:
    """A transport that may deliver to this machine."""
    return HttpTransport(known, CallbackClient([ip_network("127.0.0.0/8")]), **members)


class Deliver:
    """Delivers an event to a URL, always by the same connections."""

    def __init__(self) -> None:
        self.transport = transport()

    def __call__(self, url: str, seconds: float = BUSY) -> Outcome:
        """What came of an attempt that may take so many seconds."""
        patient = subscription(callback_url=url, retry_policy=RetryPolicy(timeout=seconds))
        return self.transport.deliver([DeliveryRequest(KEY, event(), patient)])[0]


@pytest.fixture
def deliver() -> Iterator[Deliver]:
    made = Deliver()
    yield made
    made.transport.client.pools.clear()


def outcome_of(deliver: Deliver, talk: Talk) -> Outcome:
    with subscriber(talk) as listening:
        return deliver(listening.url)


def test_validates(tell: Callable[..., None]) -> None:
    tell(STAGE="prod", API_HOST="bus.example", CALLBACK_NETWORKS="")
    url = "https://worker.example/events"
    assert validated(type="http", url=url) == HttpTarget(url)
    assert faults(type="http") == ["/url"]
    assert faults(type="http", url=url, queue="orders") == ["/queue"]
    for refused in ("http://worker.example/", "https://10.0.0.1/", "https://bus.example/events"):
        assert faults(type="http", url=refused) == ["/url"]
    tell(STAGE="local", CALLBACK_NETWORKS="127.0.0.0/8")
    assert validated(type="http", url="http://127.0.0.1:8099/orders").callback_url


def test_formats() -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    metadata = {"trace_id": "t", "traceparent": trace, "tracestate": "a=b"}
    sent = event(payload={"text": "ü😀"}, metadata=metadata)
    with subscriber(answering(NO_CONTENT)) as listening:
        to = subscription(callback_url=listening.url)
        transport(clock=lambda: 1_700_000_000.9).deliver([DeliveryRequest(KEY, sent, to)])
        [(headers, body)] = listening.requests
    step = headers["traceparent"]
    assert step[:36] == trace[:36]
    assert step != trace
    expected = sent.envelope()
    expected["metadata"] = {**metadata, "traceparent": step}
    assert orjson.loads(body) == orjson.loads(orjson.dumps(expected))
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "evt_1"
    assert headers["webhook-timestamp"] == "1700000000"
    assert headers["tracestate"] == "a=b"


def test_delivers() -> None:
    sent = event(payload={"text": "ü😀"}, metadata={"trace_id": "t"})
    with subscriber(answering(NO_CONTENT)) as listening:
        to = subscription(callback_url=listening.url)
        [outcome] = transport().deliver([DeliveryRequest(KEY, sent, to)])
        [(headers, body)] = listening.requests
    assert outcome == Outcome(status_code=204)
    # As the library of Standard Webhooks reads it.
    assert Webhook(SECRET).verify(body, headers) == orjson.loads(orjson.dumps(sent.envelope()))


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
def test_the_wait_that_a_subscriber_asks_for_is_told(
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
def test_what_asks_for_no_wait_is_no_wait(deliver: Deliver, status: int, asked: str) -> None:
    answer = f"HTTP/1.1 {status} No\r\nretry-after: {asked}\r\ncontent-length: 0\r\n\r\n"
    assert outcome_of(deliver, answering(answer)).retry_after is None


def test_the_beginning_of_an_answer_is_kept(deliver: Deliver) -> None:
    answer = "HTTP/1.1 500 No\r\ncontent-length: 1000\r\n\r\n" + "ab" * 500
    assert outcome_of(deliver, answering(answer)).response == "ab" * (KEPT_RESPONSE_BYTES // 2)


def test_a_replay_is_marked_and_has_an_id_of_its_own() -> None:
    key = DeliveryKey("evt_1", "sub_1", "rpl_1")
    sent = event(metadata={"version": "1"})
    with subscriber(answering(NO_CONTENT)) as listening:
        transport().deliver([DeliveryRequest(key, sent, subscription(callback_url=listening.url))])
        [(headers, body)] = listening.requests
    assert headers["event-bus-replay"] == "rpl_1"
    assert headers["webhook-id"] == "evt_1:rpl_1"
    Webhook(SECRET).verify(body, headers)
    shown = orjson.loads(body)
    assert (shown["id"], shown["metadata"]) == ("evt_1", {"version": "1", "replay_id": "rpl_1"})
    assert sent.metadata == {"version": "1"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(deliver: Deliver, status: int) -> None:
    with subscriber(answering(NO_CONTENT)) as elsewhere:
        answer = f"HTTP/1.1 {status} Go\r\nlocation: {elsewhere.url}\r\ncontent-length: 0\r\n\r\n"
        assert outcome_of(deliver, answering(answer)).code == "http_status"
        assert elsewhere.connections == 0


def _reset(conversation: Conversation) -> None:
    conversation.read()
    conversation.reset()


def _reset_within_the_answer(conversation: Conversation) -> None:
    conversation.read()
    conversation.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok")
    conversation.reset()


@pytest.mark.parametrize(
    "talk",
    [
        _reset,
        _reset_within_the_answer,
        lambda conversation: conversation.read(),
        lambda _: None,
    ],
    ids=["reset", "reset within the answer", "closes", "closes before the request"],
)
def test_a_connection_that_breaks_is_a_failure_that_is_named(deliver: Deliver, talk: Talk) -> None:
    assert outcome_of(deliver, talk).code == "connection_broken"


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


def test_a_port_where_nobody_listens_is_named(deliver: Deliver) -> None:
    assert deliver(unused_url()).code == "connection_refused"


def test_a_host_that_has_no_address_is_named(deliver: Deliver) -> None:
    assert deliver("http://no-such-host.invalid/").code == "name_not_resolved"


def _never_answers(conversation: Conversation) -> None:
    conversation.over.wait(5)


def _reads_and_never_answers(conversation: Conversation) -> None:
    conversation.read()
    conversation.over.wait(5)


def _drips_its_status(conversation: Conversation) -> None:
    conversation.read()
    conversation.drip("HTTP/1.1 200 OK and so on and so on and so on ")


def _drips_its_headers(conversation: Conversation) -> None:
    conversation.read()
    conversation.say("HTTP/1.1 200 OK\r\n")
    conversation.drip("x: y\r\n")


def _drips_its_body(conversation: Conversation) -> None:
    conversation.read()
    conversation.say("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    conversation.drip("x")


def _drips_its_chunks(conversation: Conversation) -> None:
    conversation.read()
    conversation.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    conversation.drip("1\r\nx\r\n")


def _drips_a_body_without_length(conversation: Conversation) -> None:
    conversation.read()
    conversation.say("HTTP/1.1 200 OK\r\n\r\n")
    conversation.drip("x")


def _drips_interim_answers(conversation: Conversation) -> None:
    conversation.read()
    conversation.drip("HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n")


@pytest.mark.parametrize(
    "talk",
    [
        _never_answers,
        _reads_and_never_answers,
        _drips_its_status,
        _drips_its_headers,
        _drips_its_body,
        _drips_its_chunks,
        _drips_a_body_without_length,
        _drips_interim_answers,
    ],
    ids=lambda talk: talk.__name__.strip("_").replace("_", " "),
)
def test_the_deadline_holds(deliver: Deliver, talk: Talk) -> None:
    with subscriber(talk) as listening:
        started = time.monotonic()
        outcome = deliver(listening.url, DEADLINE)
        took = time.monotonic() - started
    assert outcome == Outcome("timeout", "no complete answer within 0.3 s")
    assert took < BUSY


def test_the_deadline_holds_during_the_tls_handshake(deliver: Deliver) -> None:
    def talk(conversation: Conversation) -> None:
        conversation.socket.recv(65_536)
        a_record_of_16_kb = b"\x16\x03\x03\x40\x00"
        conversation.say(a_record_of_16_kb)
        conversation.drip("x")

    with subscriber(talk) as listening:
        started = time.monotonic()
        outcome = deliver(listening.url.replace("http:", "https:"), DEADLINE)
        took = time.monotonic() - started
    assert outcome.code == "timeout"
    assert took < BUSY


def test_what_speaks_no_tls_is_named(deliver: Deliver) -> None:
    def talk(conversation: Conversation) -> None:
        conversation.socket.recv(65_536)
        conversation.say("HTTP/1.1 400 Bad Request\r\n\r\n")

    with subscriber(talk) as listening:
        assert deliver(listening.url.replace("http:", "https:")).code == "tls_not_spoken"


def test_a_huge_answer_is_not_read_to_its_end(deliver: Deliver) -> None:
    said = 0

    def talk(conversation: Conversation) -> None:
        nonlocal said
        conversation.read()
        conversation.say("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while True:
            conversation.say(b"x" * MAX_RESPONSE_BYTES)
            said += MAX_RESPONSE_BYTES

    assert outcome_of(deliver, talk).delivered
    assert said < 64 * 1024 * 1024


def test_connections_are_used_again(deliver: Deliver) -> None:
    with subscriber(answering(OK)) as listening:
        for _ in range(5):
            assert deliver(listening.url).delivered
        assert listening.connections == 1
        assert len(listening.requests) == 5


def test_a_refusal_does_not_cost_the_connection(deliver: Deliver) -> None:
    refusal = "HTTP/1.1 500 No\r\ncontent-length: 3\r\n\r\nno!"
    with subscriber(answering(refusal)) as listening:
        for _ in range(3):
            deliver(listening.url)
        assert listening.connections == 1


def test_a_long_answer_costs_the_connection(deliver: Deliver) -> None:
    body = "x" * (MAX_RESPONSE_BYTES + 1)
    answer = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    with subscriber(answering(answer)) as listening:
        for _ in range(2):
            assert deliver(listening.url).delivered
        assert listening.connections == 2


def test_a_connection_that_the_subscriber_closed_is_replaced(deliver: Deliver) -> None:
    with subscriber(answering_once(OK)) as listening:
        for _ in range(3):
            assert deliver(listening.url).delivered
            time.sleep(0.05)
        assert listening.connections == 3


@pytest.mark.parametrize(
    ("guarantee", "again"), [("at_least_once", 1), ("exactly_once", 1), ("at_most_once", 0)]
)
def test_a_delivery_that_is_lost_with_a_kept_connection_is_made_again_if_it_may(
    guarantee: DeliveryGuarantee, again: int
) -> None:
    def answers_once_and_ends(conversation: Conversation) -> None:
        conversation.read()
        conversation.say(OK)
        conversation.read()

    target = transport()
    with subscriber(answers_once_and_ends, answering(OK)) as listening:
        to = subscription(callback_url=listening.url, delivery_guarantee=guarantee)
        outcomes = [target.deliver([DeliveryRequest(KEY, event(), to)])[0] for _ in range(2)]
        ids = {headers["webhook-id"] for headers, _ in listening.requests}
        assert len(listening.requests) == 2 + again
        target.client.pools.clear()
    assert [each.delivered for each in outcomes] == [True, bool(again)]
    assert ids == {"evt_1"}


def test_a_deadline_that_passed_harms_no_later_delivery(deliver: Deliver) -> None:
    first = True

    def talk(conversation: Conversation) -> None:
        nonlocal first
        if first:
            first = False
            _reads_and_never_answers(conversation)
        else:
            answering(OK)(conversation)

    with subscriber(talk) as listening:
        assert deliver(listening.url, DEADLINE).code == "timeout"
        assert deliver(listening.url).delivered
        time.sleep(DEADLINE)
        assert deliver(listening.url).delivered
        assert listening.connections == 2


def test_a_delivery_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    target = transport()
    with subscriber(answering(OK)) as listening:
        [outcome] = target.deliver(
            [DeliveryRequest(KEY, event(), subscription(callback_url=listening.url))]
        )
        assert outcome.delivered
        target.client.pools.clear()
    for left in set(threading.enumerate()) - before:
        left.join(SLOW_SECONDS + 1)
        assert not left.is_alive()


def test_no_proxy_of_the_environment_is_used(
    deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subscriber(answering(NO_CONTENT)) as proxy, subscriber(answering(NO_CONTENT)) as direct:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert deliver(direct.url).delivered
        assert (proxy.connections, direct.connections) == (0, 1)


def test_every_attempt_has_the_same_id_and_its_own_time() -> None:
    now = [1_700_000_000.9]
    target = transport(clock=lambda: now[0])
    with subscriber(answering(NO_CONTENT)) as listening:
        to = subscription(callback_url=listening.url)
        target.deliver([DeliveryRequest(KEY, event(), to)])
        now[0] += 60
        target.deliver([DeliveryRequest(KEY, event(), to)])
        attempts = [headers for headers, _ in listening.requests]
        target.client.pools.clear()
    assert [headers["webhook-id"] for headers in attempts] == ["evt_1", "evt_1"]
    assert [headers["webhook-timestamp"] for headers in attempts] == ["1700000000", "1700000060"]


def test_what_the_subscriber_says_is_not_repeated(deliver: Deliver) -> None:
    answer = "HTTP/1.1 500 token-in-reason\r\ncontent-length: 13\r\n\r\ntoken-in-body"
    outcome = outcome_of(deliver, answering(answer))
    assert "token" not in outcome.message


def test_a_url_with_a_query_is_asked_for_as_it_is(deliver: Deliver) -> None:
    lines: list[str] = []

    def talk(conversation: Conversation) -> None:
        lines.append(conversation.socket.recv(65_536).decode().partition("\r\n")[0])
        conversation.say(NO_CONTENT)

    with subscriber(talk) as listening:
        assert deliver(f"{listening.url}?a=%20&b=%2F").delivered
    assert lines == ["POST /events?a=%20&b=%2F HTTP/1.1"]
