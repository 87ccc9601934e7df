"""The addresses of a callback are checked for every connection."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from event_bus.callbacks.client import MAX_RESPONSE_BYTES, CallbackAnswer, CallbackClient
from event_bus.callbacks.connections import Exchange
from event_bus.callbacks.failures import Unanswered

from tests.certificates import certificate, server_context, tls_server
from tests.hostile import HostileConnection, answering, subscriber

HERE = [ip_network("127.0.0.0/8")]
OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
NAME = "worker.example"

Names = Callable[..., list[str]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Has a name lead to addresses: each time to the next of some, at last always to the last."""

    def lead(*answers: list[str]) -> list[str]:
        asked: list[str] = []

        def look_up(host: str, port: int, **asked_for: Any) -> list[tuple[Any, ...]]:
            # Addresses of another kind are none that a request can be sent to.
            assert asked_for == {"type": socket.SOCK_STREAM}
            asked.append(host)
            found = answers[min(len(asked), len(answers)) - 1]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return asked

    return lead


def refusal(client: CallbackClient, url: str, seconds: float = 2) -> str:
    with pytest.raises(Unanswered) as refused:
        client.exchange("POST", url, {}, seconds)
    return refused.value.code


def url_of(listening: str) -> str:
    return listening.replace("127.0.0.1", NAME)


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["127.0.0.1", "169.254.169.254"], ["169.254.169.254", "127.0.0.1"]]
)
def test_one_forbidden_address_is_enough(names: Names, addresses: list[str]) -> None:
    names(addresses)
    with subscriber(answering(OK)) as listening:
        assert refusal(CallbackClient(HERE), url_of(listening.url)) == "address_forbidden"
        assert listening.connections == 0


def test_this_machine_is_forbidden_unless_it_is_allowed() -> None:
    with subscriber(answering(OK)) as listening:
        assert refusal(CallbackClient(), listening.url) == "address_forbidden"
        spelled = listening.url.replace("127.0.0.1", "2130706433")
        assert refusal(CallbackClient(), spelled) == "address_forbidden"
        assert listening.connections == 0
        assert CallbackClient(HERE).exchange("POST", listening.url, {}, 2).status == 200


def test_the_checked_address_is_the_connected_one(names: Names) -> None:
    asked = names(["127.0.0.1"], ["169.254.169.254"])
    with subscriber(answering(OK)) as listening:
        assert CallbackClient(HERE).exchange("POST", url_of(listening.url), {}, 2).status == 200
    assert asked == [NAME]


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with subscriber(answering(OK)) as listening, subscriber(answering(OK)) as proxy:
        monkeypatch.setenv(name, proxy.url)
        assert CallbackClient(HERE).exchange("POST", listening.url, {}, 2).status == 200
        assert (listening.connections, proxy.connections) == (1, 0)


def test_a_request_is_sent_as_it_is_given() -> None:
    with subscriber(answering(OK)) as listening:
        answer = CallbackClient(HERE).exchange(
            "PUT", f"{listening.url}?a=b", {"x-own": "value", "user-agent": "bus"}, 2, b"{} "
        )
        [(headers, body)] = listening.requests
    assert listening.lines == ["PUT /events?a=b HTTP/1.1"]
    assert (headers["x-own"], headers["user-agent"], body) == ("value", "bus", b"{} ")
    assert (answer.status, answer.begun, answer.body) == (200, "ok", b"ok")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_not_followed(status: int) -> None:
    with subscriber(answering(OK)) as other:
        head = f"HTTP/1.1 {status} Moved\r\nlocation: {other.url}\r\ncontent-length: 0\r\n\r\n"
        with subscriber(answering(head)) as listening:
            answer = CallbackClient(HERE).exchange("POST", listening.url, {}, 2, b"{}")
        assert (answer.status, len(listening.requests)) == (status, 1)
        assert other.connections == 0


@pytest.mark.parametrize("more", [1, 100])
def test_the_rest_of_a_long_answer_answers_no_other_request(more: int) -> None:
    length = MAX_RESPONSE_BYTES + more
    long = f"HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{'x' * length}"
    client = CallbackClient(HERE)
    with subscriber(answering(long)) as listening:
        for _ in range(2):
            answer = client.exchange("POST", listening.url, {}, 2)
            assert (answer.status, answer.body) == (200, b"x" * MAX_RESPONSE_BYTES)
            assert answer.cut
        assert listening.connections == 2


def test_a_failure_in_time_names_the_time() -> None:
    def waits(conversation: HostileConnection) -> None:
        conversation.over.wait(30)

    with subscriber(waits) as listening, pytest.raises(Unanswered) as refused:
        CallbackClient(HERE).exchange("POST", listening.url, {}, 0.25)
    assert refused.value.message == "no complete answer within 0.25 s"
    assert str(refused.value) == refused.value.message


def test_an_answer_that_is_complete_when_time_is_over_is_too_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exchanges: list[Exchange] = []
    enter = Exchange.__enter__

    def noting(exchange: Exchange) -> Exchange:
        exchanges.append(exchange)
        return enter(exchange)

    def late(*_: Any) -> CallbackAnswer:
        patience = time.monotonic() + 10
        while not exchanges[0].passed and time.monotonic() < patience:
            time.sleep(0.001)
        return CallbackAnswer(200, {}, "ok")

    monkeypatch.setattr(Exchange, "__enter__", noting)
    monkeypatch.setattr(CallbackClient, "_made", late)
    with pytest.raises(Unanswered) as refused:
        CallbackClient(HERE).exchange("POST", "http://127.0.0.1:9/", {}, 0.01)
    assert (refused.value.code, refused.value.message) == (
        "timeout",
        "no complete answer within 0.01 s",
    )


def test_who_watches_an_exchange_is_told_how_before_the_request_is_sent() -> None:
    watched: list[Callable[[], bool]] = []
    seen: list[bool] = []

    def answers(conversation: HostileConnection) -> None:
        conversation.read()
        seen.append(watched[0]())
        conversation.say(OK)

    with subscriber(answers) as listening:
        client = CallbackClient(HERE)
        assert client.exchange("POST", listening.url, {}, 5, watch=watched.append).status == 200
    assert (len(watched), seen) == (1, [False])


def test_a_name_is_judged_on_every_connection(names: Names) -> None:
    names(["127.0.0.1"], ["169.254.169.254"])
    closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    client = CallbackClient(HERE)
    with subscriber(answering(closing)) as listening:
        assert client.exchange("POST", url_of(listening.url), {}, 2).status == 200
        assert refusal(client, url_of(listening.url)) == "address_forbidden"


def test_a_dead_address_leaves_time_for_the_next(names: Names) -> None:
    with subscriber(answering(OK)) as listening:
        names(["127.0.0.2", "127.0.0.1"])
        client = CallbackClient(HERE)
        assert client.exchange("POST", url_of(listening.url), {}, 2).status == 200


def test_a_deadline_ends_no_exchange_but_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    client = CallbackClient(HERE)
    answered, begun = threading.Event(), threading.Event()

    def slowly(*members: Any) -> CallbackAnswer:
        # The connection is given back by now. Let another exchange be on it when time is over.
        if not answered.is_set():
            answered.set()
            assert begun.wait(5)
            time.sleep(0.5)
        return CallbackAnswer(*members)

    def in_turn(conversation: HostileConnection) -> None:
        conversation.read()
        conversation.say(OK)
        conversation.read()
        begun.set()
        conversation.over.wait(1)
        conversation.say(OK)

    monkeypatch.setattr("event_bus.callbacks.client.CallbackAnswer", slowly)
    with subscriber(in_turn) as listening, ThreadPoolExecutor(1) as other:
        first = other.submit(client.exchange, "POST", listening.url, {}, 0.3)
        assert answered.wait(5)
        assert client.exchange("POST", listening.url, {}, 5).status == 200
        assert listening.connections == 1
        assert first.result().status == 200


def test_the_look_up_of_a_name_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    over, looking = threading.Event(), []

    def look_up(*_: Any, **__: Any) -> None:
        looking.append(threading.current_thread())
        over.wait(30)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    begun = time.monotonic()
    assert refusal(CallbackClient(), f"https://{NAME}/", 0.3) in ("timeout", "connect_timeout")
    assert time.monotonic() - begun < 10
    # It does not keep a process from ending.
    assert [each.daemon for each in looking] == [True]
    over.set()


def test_the_host_is_who_it_says_by_its_name(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(["127.0.0.1"])
    shown = certificate(NAME)
    (tmp_path / "known.pem").write_bytes(shown.pem())
    with tls_server(server_context(shown, tmp_path)) as server:
        url = f"https://{NAME}:{server.port}/"
        assert refusal(CallbackClient(HERE), url) == "tls_certificate_self_signed"
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "known.pem"))
        server.names.clear()
        client = CallbackClient(HERE)
        assert client.exchange("POST", f"{url}x", {}, 2).status == 200
        assert (server.names, server.hosts) == ([NAME], [f"{NAME}:{server.port}"])
        # The address has the name's certificate, and not another name's.
        other = f"https://other.example:{server.port}/"
        assert refusal(CallbackClient(HERE), other) == "tls_certificate_wrong_host"
