"""Connections are kept for the next exchange, and no exchange fails because one is stale."""

import errno
import socket
import time
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from event_bus import times
from event_bus.callbacks import connections
from event_bus.callbacks.client import CallbackClient
from event_bus.callbacks.connections import MAX_AGE_SECONDS, MAX_IDLE_SECONDS, Exchange
from event_bus.callbacks.failures import Unanswered

from tests.hostile import HostileConnection, Talk, answering, answering_once, resets, subscriber

HERE = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def post(client: CallbackClient, url: str, *, repeatable: bool = True, seconds: float = 2) -> str:
    """What comes of a request: nothing that went wrong, or its code."""
    try:
        answer = client.exchange("POST", url, {}, seconds, b"{}", repeatable=repeatable)
    except Unanswered as failure:
        return failure.code
    assert (answer.status, answer.begun) == (200, "ok")
    return ""


@pytest.mark.parametrize(
    ("monotonic", "wall", "kept"),
    [
        (0, 0, True),
        (MAX_IDLE_SECONDS - 1, MAX_IDLE_SECONDS - 1, True),
        (MAX_IDLE_SECONDS + 0.1, MAX_IDLE_SECONDS + 0.1, False),
        # A function that is frozen: its monotonic clock stands still.
        (0, MAX_IDLE_SECONDS + 0.1, False),
        (0, 3_600, False),
        # A wall clock that is set.
        (MAX_IDLE_SECONDS + 0.1, 0, False),
        (0, -3_600, False),
    ],
)
def test_a_connection_is_used_again_if_it_rested_for_a_short_time(
    shift: Callable[[float, float], None], monotonic: float, wall: float, kept: bool
) -> None:
    client = CallbackClient(HERE)
    with subscriber(answering(OK)) as listening:
        assert post(client, listening.url) == ""
        shift(monotonic, wall)
        assert post(client, listening.url) == ""
        assert listening.connections == (1 if kept else 2)


@pytest.mark.parametrize("clocks", [(1, 1), (0, 1), (1, 0)])
def test_a_connection_ends_with_its_age_however_busy_it_is(
    shift: Callable[[float, float], None], clocks: tuple[int, int]
) -> None:
    client, step = CallbackClient(HERE), MAX_IDLE_SECONDS - 1
    steps = int(MAX_AGE_SECONDS / step)
    with subscriber(answering(OK)) as listening:
        for _ in range(steps):
            assert post(client, listening.url) == ""
            shift(step * clocks[0], step * clocks[1])
        assert listening.connections == 1
        # Older than permitted, but idle for less.
        shift(0.5 * clocks[0], 0.5 * clocks[1])
        assert post(client, listening.url) == ""
        assert listening.connections == 2


def _once_and_then(last: Talk) -> Talk:
    """A subscriber that answers a request, and then does something else with the connection."""

    def talk(conversation: HostileConnection) -> None:
        conversation.read()
        conversation.say(OK)
        last(conversation)

    return talk


def _reads_and_ends(conversation: HostileConnection) -> None:
    conversation.read()


@pytest.mark.parametrize("last", [_reads_and_ends, resets])
def test_a_request_that_is_lost_with_a_kept_connection_is_made_again_if_it_may(last: Talk) -> None:
    client = CallbackClient(HERE)
    with subscriber(_once_and_then(last), answering(OK)) as listening:
        assert [post(client, listening.url) for _ in range(3)] == ["", "", ""]
        assert listening.connections == 2
        assert len(listening.requests) == 4


def test_a_request_may_arrive_twice_unless_it_is_said_not_to() -> None:
    client = CallbackClient(HERE)
    with subscriber(_once_and_then(_reads_and_ends), answering(OK)) as listening:
        for _ in range(2):
            assert client.exchange("POST", listening.url, {}, 2).status == 200
        assert listening.connections == 2


@pytest.mark.parametrize("last", [_reads_and_ends, resets])
def test_a_request_that_must_not_arrive_twice_is_not_made_again(last: Talk) -> None:
    client = CallbackClient(HERE)
    with subscriber(_once_and_then(last), answering(OK)) as listening:
        assert post(client, listening.url, repeatable=False) == ""
        assert post(client, listening.url, repeatable=False) == "connection_broken"
        assert listening.connections == 1
        assert len(listening.requests) == 2


def test_a_request_of_which_nothing_was_sent_is_made_again_always(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def resets(conversation: HostileConnection) -> None:
        conversation.reset()

    client = CallbackClient(HERE)
    with subscriber(_once_and_then(resets), answering(OK)) as listening:
        assert post(client, listening.url, repeatable=False) == ""
        time.sleep(0.1)
        # As if the reset came just behind the check whether the connection still stands.
        monkeypatch.setattr("urllib3.connectionpool.is_connection_dropped", lambda _: False)
        assert post(client, listening.url, repeatable=False) == ""
        assert listening.connections == 2
        assert len(listening.requests) == 2


def test_a_request_is_made_again_once() -> None:
    client = CallbackClient(HERE)
    with subscriber(_once_and_then(_reads_and_ends), _reads_and_ends) as listening:
        assert [post(client, listening.url) for _ in range(2)] == ["", "connection_broken"]
        assert listening.connections == 2


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (answering_once("HTTP/1.1 200 OK\r\n"), "connection_broken"),
        (answering_once("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"), "connection_broken"),
        (answering_once("HTTP/1.1 103 Early Hints\r\n\r\n"), "connection_broken"),
        (answering_once("no answer\r\n"), "invalid_answer"),
        (lambda conversation: conversation.over.wait(2), "timeout"),
    ],
)
def test_a_request_that_was_answered_or_may_be_is_not_made_again(last: Talk, code: str) -> None:
    client = CallbackClient(HERE)
    with subscriber(_once_and_then(last), answering(OK)) as listening:
        assert post(client, listening.url) == ""
        assert post(client, listening.url, seconds=0.3) == code
        assert listening.connections == 1


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_new_connection_that_breaks_is_a_failure(repeatable: bool) -> None:
    with subscriber(_reads_and_ends, answering(OK)) as listening:
        assert post(CallbackClient(HERE), listening.url, repeatable=repeatable) == (
            "connection_broken"
        )
        assert listening.connections == 1


def test_one_deadline_holds_for_both_connections() -> None:
    def never_answers(conversation: HostileConnection) -> None:
        conversation.over.wait(30)

    client = CallbackClient(HERE)
    with subscriber(_once_and_then(_reads_and_ends), never_answers) as listening:
        assert post(client, listening.url) == ""
        began = time.monotonic()
        assert post(client, listening.url, seconds=0.4) == "timeout"
        assert time.monotonic() - began < 10
        assert listening.connections == 2


def test_an_answer_has_begun_once_its_first_byte_has_arrived() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Exchange(10, HERE) as exchange:
        assert not exchange.answered()
        exchange.watch(ours)
        exchange.sent = True
        assert not exchange.answered()
        theirs.sendall(b"H")
        assert exchange.answered()
        ours.recv(1)
        assert not exchange.answered()


def test_a_connection_that_has_ended_is_no_fault_when_time_is_over() -> None:
    patience = time.monotonic() + 10
    with Exchange(0.001, HERE) as exchange, socket.socket() as never_connected:
        while not exchange.passed and time.monotonic() < patience:
            time.sleep(0.001)
        assert exchange.passed
        exchange.watch(never_connected)


V4, V6 = (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")


@pytest.mark.parametrize(
    ("addresses", "fault", "code"),
    [
        ([V6], errno.ENETUNREACH, "ipv6_unreachable"),
        ([V6, V6], errno.ENETUNREACH, "ipv6_unreachable"),
        ([V6], errno.EADDRNOTAVAIL, "ipv6_unreachable"),
        ([V6], errno.EAFNOSUPPORT, "ipv6_unreachable"),
        ([V6], errno.ECONNREFUSED, "connection_refused"),
        ([V6], errno.ETIMEDOUT, "connect_timeout"),
        ([V4], errno.ENETUNREACH, "connection_refused"),
        ([V4, V6], errno.ENETUNREACH, "connection_refused"),
    ],
)
def test_a_host_with_only_ipv6_addresses_is_named_in_the_error(
    monkeypatch: pytest.MonkeyPatch,
    addresses: list[tuple[socket.AddressFamily, str]],
    fault: int,
    code: str,
) -> None:
    def look_up(_host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(family, socket.SOCK_STREAM, 6, "", (host, port)) for family, host in addresses]

    def connect(*_: Any) -> None:
        raise OSError(fault, "no way")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(connections, "_connected", connect)
    assert post(CallbackClient(HERE), "http://worker.example/") == code


def test_each_address_gets_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []

    def look_up(_host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(family, socket.SOCK_STREAM, 6, "", (host, port)) for family, host in [V4] * 4]

    def connect(_address: object, seconds: float, _connection: object) -> socket.socket:
        shares.append(seconds)
        raise TimeoutError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(connections, "_connected", connect)
    # A clock that stands: no address uses any of the time.
    monkeypatch.setattr(times, "steady", lambda: 1_000.0)
    assert post(CallbackClient(HERE), "http://worker.example/", seconds=4) == "connect_timeout"
    assert shares == pytest.approx([1, 4 / 3, 2, 4])


def test_a_host_that_has_both_is_reached_by_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    with subscriber(answering(OK)) as listening:
        port = int(listening.url.split(":")[2].split("/")[0])
        connected = connections._connected

        def look_up(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
            found = (V6, V4)
            return [(family, socket.SOCK_STREAM, 6, "", (host, port)) for family, host in found]

        def connect(address: tuple[Any, ...], *others: Any) -> socket.socket:
            if address[0] == socket.AF_INET6:
                raise OSError(errno.ENETUNREACH, "Network is unreachable")
            return connected(address, *others)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        monkeypatch.setattr(connections, "_connected", connect)
        assert post(CallbackClient(HERE), f"http://worker.example:{port}/") == ""
