"""An HTTP delivery ends in time, whatever becomes of its connection."""

import threading
import time

import pytest
from event_bus.callbacks.client import MAX_RESPONSE_BYTES
from event_bus.model.outcome import Outcome
from event_bus.model.pace import SLOW_SECONDS
from event_bus.model.subscription import DeliveryGuarantee
from event_bus.targets.transport import DeliveryRequest

from tests.builders import event, subscription
from tests.hostile import (
    HostileConnection,
    Talk,
    answering,
    answering_once,
    drips_its_status,
    hangs,
    resets,
    subscriber,
    unused_url,
)
from tests.unit.event_bus.targets.http_requests import (
    BUSY,
    DEADLINE,
    KEY,
    NO_CONTENT,
    OK,
    Deliver,
    deliver,
    outcome_of,
    transport,
)

__all__ = ["deliver"]


def _reset_within_the_answer(conversation: HostileConnection) -> None:
    conversation.read()
    conversation.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok")
    conversation.reset()


@pytest.mark.parametrize(
    "talk",
    [
        resets,
        _reset_within_the_answer,
        lambda conversation: conversation.read(),
        lambda _: None,
    ],
    ids=["reset", "reset within the answer", "closes", "closes before the request"],
)
def test_a_connection_that_breaks_is_a_failure_that_is_named(deliver: Deliver, talk: Talk) -> None:
    assert outcome_of(deliver, talk).code == "connection_broken"


def test_a_closed_port_is_named_in_the_error_code(deliver: Deliver) -> None:
    assert deliver(unused_url()).code == "connection_refused"


def test_a_host_that_has_no_address_is_named(deliver: Deliver) -> None:
    assert deliver("http://no-such-host.invalid/").code == "name_not_resolved"


def _never_answers(conversation: HostileConnection) -> None:
    conversation.over.wait(5)


def _drips_its_headers(conversation: HostileConnection) -> None:
    conversation.read()
    conversation.say("HTTP/1.1 200 OK\r\n")
    conversation.drip("x: y\r\n")


def _drips_its_body(conversation: HostileConnection) -> None:
    conversation.read()
    conversation.say("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    conversation.drip("x")


def _drips_its_chunks(conversation: HostileConnection) -> None:
    conversation.read()
    conversation.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    conversation.drip("1\r\nx\r\n")


def _drips_a_body_without_length(conversation: HostileConnection) -> None:
    conversation.read()
    conversation.say("HTTP/1.1 200 OK\r\n\r\n")
    conversation.drip("x")


def _drips_interim_answers(conversation: HostileConnection) -> None:
    conversation.read()
    conversation.drip("HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n")


@pytest.mark.parametrize(
    "talk",
    [
        _never_answers,
        hangs,
        drips_its_status,
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
    def talk(conversation: HostileConnection) -> None:
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


def test_a_server_without_tls_is_named_in_the_error_code(deliver: Deliver) -> None:
    def talk(conversation: HostileConnection) -> None:
        conversation.socket.recv(65_536)
        conversation.say("HTTP/1.1 400 Bad Request\r\n\r\n")

    with subscriber(talk) as listening:
        assert deliver(listening.url.replace("http:", "https:")).code == "tls_not_spoken"


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
    def answers_once_and_ends(conversation: HostileConnection) -> None:
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

    def talk(conversation: HostileConnection) -> None:
        nonlocal first
        if first:
            first = False
            hangs(conversation)
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
