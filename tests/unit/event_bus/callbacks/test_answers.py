"""What counts as an answer, and what does not."""

import gzip
import time
from ipaddress import ip_network

import h11
import pytest
from event_bus.callbacks.answers import MAX_HEAD_BYTES, MAX_INTERIM_ANSWERS
from event_bus.callbacks.client import MAX_RESPONSE_BYTES, CallbackAnswer, CallbackClient
from event_bus.callbacks.failures import Unanswered
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import HostileConnection, answering, answering_once, subscriber

HERE = [ip_network("127.0.0.0/8")]
OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
HINTS = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n"


def ask(answer: str | bytes) -> CallbackAnswer:
    """What a client makes of an answer behind which the connection is closed."""
    with subscriber(answering_once(answer)) as listening:
        return CallbackClient(HERE).exchange("POST", listening.url, {}, 5, b"{}")


def refusal(answer: str | bytes) -> Unanswered:
    with pytest.raises(Unanswered) as refused:
        ask(answer)
    return refused.value


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (OK, 200, "ok"),
        ("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", 200, ""),
        ("HTTP/1.1 299 A reason of its own: ü\r\ncontent-length: 0\r\n\r\n".encode(), 299, ""),
        ("HTTP/1.9 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.0 200 OK\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end"),
        ("HTTP/1.1 200 OK\ncontent-length: 2\n\nok", 200, "ok"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 200 OK\r\nX-First: a\r\ncontent-length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nok", 204, ""),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 200\r\n\r\n", 304, ""),
        (CHUNKED + "2\r\nok\r\n0\r\n\r\n", 200, "ok"),
        (CHUNKED + "1;a=b\r\no\r\n01\r\nk\r\n0\r\nx: a trailer\r\n\r\n", 200, "ok"),
        (CHUNKED + "2\r\nok\r\n0\r\n", 200, "ok"),
        (CHUNKED + "A \r\n0123456789\r\n0\r\n\r\n", 200, "0123456789"),
        (
            CHUNKED + "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
            200,
            "abcdefghijklmnopqrstuvwxyz",
        ),
    ],
)
def test_an_answer_is_taken(answer: str | bytes, status: int, body: str) -> None:
    answered = ask(answer)
    assert (answered.status, answered.begun) == (status, body)


@pytest.mark.parametrize(
    "codings",
    ["gzip", "x-gzip", "br", "zstd", "deflate, gzip", "gzip, " * 6 + "gzip", "gzip," * 999],
)
def test_a_body_is_not_decompressed(codings: str) -> None:
    body = gzip.compress(b"0" * 1_000_000)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: {codings}\r\ncontent-length: {len(body)}\r\n\r\n"
    answered = ask(head.encode() + body)
    assert (answered.status, answered.body) == (200, body)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "HTTP",
        "HTTP/1.1 20",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nok",
        f"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n{'x' * (MAX_RESPONSE_BYTES - 1)}",
        CHUNKED,
        CHUNKED + "2",
        CHUNKED + "2\r\no",
        CHUNKED + "2\r\nok",
        CHUNKED + "2\r\nok\r\n",
        CHUNKED + "2\r\nok\r\n0",
        HINTS,
        HINTS + "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 100 Continue\r\n",
    ],
)
def test_a_truncated_answer_does_not_count(answer: str) -> None:
    failure = refusal(answer)
    assert failure.code == "connection_broken"
    assert failure.message == "the connection broke before the answer was complete"


LONG_HEAD = f"it has more than {MAX_HEAD_BYTES} bytes besides its body"
BAD_FIELD = "one of its header fields is malformed"
BAD_LENGTH = "its Content-Length is not one number"
BAD_CHUNK = "the size of one of its chunks is malformed"
INVALID: dict[str, list[str | bytes]] = {
    "it does not begin with a status line of HTTP/1.1": [
        "\r\n" + OK,
        "garbage\r\n\r\n",
        "<html>ok</html>\n",
        b"\x00\xff" * 1_000,
        b"\x16\x03\x01" + b"\x00" * 100 + b"\n",
        "HTTP/0.9 200 OK\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
    ],
    "its status line is malformed": [
        "HTTP/1.1200 OK\r\n\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1 2_0 OK\r\n\r\n",
        "HTTP/1.1 +20 OK\r\n\r\n",
        "HTTP/1.1 020 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 \uff12\uff10\uff10 OK\r\n\r\n".encode(),
        "HTTP/1.1 200 O\rK\r\n\r\n",
    ],
    BAD_FIELD: [
        "HTTP/1.1 200 OK\r\nno colon\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n folded: first\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\tfolded: first\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\rcontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: \x00\r\n\r\n",
    ],
    "it has more than 100 header fields": [
        "HTTP/1.1 200 OK\r\n" + "".join(f"x{n}: y\r\n" for n in range(101)) + "\r\n",
    ],
    LONG_HEAD: [
        f"HTTP/1.1 200 OK\r\nx: {'y' * MAX_HEAD_BYTES}\r\n\r\n",
        f"HTTP/1.1 103 Early Hints\r\nlink: {'x' * MAX_HEAD_BYTES}\r\n\r\n" + OK,
        CHUNKED + "0\r\n" + "x: y\r\n" * MAX_HEAD_BYTES,
        CHUNKED + f"1;{'x' * 1_000}\r\no\r\n" * 70,
    ],
    BAD_LENGTH: [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!",
        "HTTP/1.1 200 OK\r\ncontent-length: 2, 3\r\n\r\nok!",
        "HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 0x2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 2.0\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\nok",
        f"HTTP/1.1 200 OK\r\ncontent-length: {'9' * 5_000}\r\n\r\nok",
    ],
    "it has both a Transfer-Encoding and a Content-Length": [
        CHUNKED.replace("\r\n\r\n", "\r\ncontent-length: 2\r\n\r\n") + "2\r\nok\r\n0\r\n\r\n",
    ],
    "its Transfer-Encoding is not chunked alone": [
        CHUNKED.replace("chunked", "gzip, chunked") + "2\r\nok\r\n0\r\n\r\n",
        CHUNKED.replace("chunked", "chunked\r\ntransfer-encoding: chunked"),
        CHUNKED.replace("chunked", "identity"),
    ],
    BAD_CHUNK: [
        CHUNKED + "zz\r\nok\r\n0\r\n\r\n",
        CHUNKED + "-1\r\nok\r\n0\r\n\r\n",
        CHUNKED + "+2\r\nok\r\n0\r\n\r\n",
        CHUNKED + "0x2\r\nok\r\n0\r\n\r\n",
        CHUNKED + "\r\nok\r\n0\r\n\r\n",
        CHUNKED + f"{'f' * 20}\r\nok\r\n",
        CHUNKED + "2;" + "x" * 5_000 + "\r\nok\r\n0\r\n\r\n",
    ],
    "one of its chunks does not end where it should": [
        CHUNKED + "2\r\nok!!0\r\n\r\n",
        CHUNKED + "1\r\nok\r\n0\r\n\r\n",
    ],
    "it switches protocols (101), which the request did not ask for": [
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n" + OK,
    ],
    f"more than {MAX_INTERIM_ANSWERS} interim answers came first": [
        HINTS * (MAX_INTERIM_ANSWERS + 1) + OK,
    ],
}


@pytest.mark.parametrize(
    ("reason", "answer"),
    [(reason, each) for reason, answers in INVALID.items() for each in answers],
    ids=range(sum(map(len, INVALID.values()))),
)
def test_an_invalid_answer_does_not_count(reason: str, answer: str | bytes) -> None:
    failure = refusal(answer)
    assert failure.code == "invalid_answer"
    assert failure.message == f"the answer is not valid HTTP/1.1: {reason}"


def head_of(length: int) -> str:
    """An answer without a body, whose head is so long."""
    begun, end = "HTTP/1.1 204 No Content\r\nx: ", "\r\n\r\n"
    return f"{begun}{'y' * (length - len(begun) - len(end))}{end}"


def test_a_head_may_be_as_long_as_the_limit() -> None:
    assert ask(head_of(MAX_HEAD_BYTES)).status == 204
    assert refusal(head_of(MAX_HEAD_BYTES + 1)).code == "invalid_answer"


def test_a_head_without_an_end_is_read_up_to_the_limit() -> None:
    def begins(conversation: HostileConnection) -> None:
        conversation.read()
        conversation.say("HTTP/1.1 200 OK\r\nx: " + "y" * MAX_HEAD_BYTES)
        conversation.over.wait(30)

    with subscriber(begins) as listening, pytest.raises(Unanswered) as refused:
        CallbackClient(HERE).exchange("POST", listening.url, {}, 5)
    assert refused.value.code == "invalid_answer"


@pytest.mark.parametrize(
    "interim",
    [
        HINTS,
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\n",
        "HTTP/1.1 199 Own\r\ncontent-length: 10\r\n\r\n",
        HINTS * MAX_INTERIM_ANSWERS,
    ],
)
@pytest.mark.parametrize("status", [200, 503])
def test_interim_answers_are_skipped(interim: str, status: int) -> None:
    final = f"HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nok"
    client = CallbackClient(HERE)
    with subscriber(answering(interim + final)) as listening:
        for _ in range(3):
            answered = client.exchange("POST", listening.url, {}, 5, b"{}")
            assert (answered.status, answered.begun) == (status, "ok")
            assert "link" not in answered.headers
        assert listening.connections == 1


def test_bytes_after_a_complete_answer_do_not_answer_the_next_request() -> None:
    forged = "HTTP/1.1 204 No Content\r\ncontent-length: 60\r\n\r\n" + OK
    client = CallbackClient(HERE)
    with subscriber(answering(forged)) as listening:
        for _ in range(3):
            assert client.exchange("POST", listening.url, {}, 5, b"{}").status == 204
        assert listening.connections == 3


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (OK, True),
        (OK.replace("\r\n\r\n", "\r\nconnection: keep-alive\r\n\r\n"), True),
        (CHUNKED + "2\r\nok\r\n0\r\n\r\n", True),
        ("HTTP/1.1 204 No Content\r\n\r\n", True),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\n", True),
        (OK.replace("\r\n\r\n", "\r\nConnection: Close\r\n\r\n"), False),
        (OK.replace("\r\n\r\n", "\r\nconnection: x\r\nconnection: y, close\r\n\r\n"), False),
        (OK.replace("HTTP/1.1", "HTTP/1.0"), False),
        ("HTTP/1.0 204 No Content\r\n\r\n", False),
        ("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", False),
        ("HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n", False),
    ],
)
def test_a_connection_is_kept_where_the_end_of_the_answer_is_sure(answer: str, kept: bool) -> None:
    client = CallbackClient(HERE)
    with subscriber(answering(answer)) as listening:
        for _ in range(2):
            client.exchange("POST", listening.url, {}, 5, b"{}")
        assert listening.connections == (1 if kept else 2)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_body_in_chunks_is_read_up_to_the_limit(missing: int) -> None:
    length = MAX_RESPONSE_BYTES - missing
    body = b"".join(b"%x\r\n%s\r\n" % (size, b"x" * size) for size in (5_000, length - 5_000))
    answered = ask(CHUNKED.encode() + body + b"0\r\n\r\n")
    assert answered.body == b"x" * length
    assert answered.cut is (missing == 0)
    longer = ask(CHUNKED.encode() + body + b"3\r\nxyz\r\n0\r\n\r\n")
    assert longer.body == (b"x" * length + b"xyz")[:MAX_RESPONSE_BYTES]


def test_an_endless_body_is_not_read_to_its_end() -> None:
    for answer in ("HTTP/1.1 200 OK\r\n\r\n", CHUNKED + "fffffff\r\n"):
        began = time.monotonic()
        answered = ask(answer + "x" * (4 * MAX_RESPONSE_BYTES))
        assert (answered.status, answered.begun) == (200, "x" * 256)
        assert time.monotonic() - began < 2


SOUP = st.lists(
    st.sampled_from(
        [
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 103 Early Hints\r\n",
            "content-length: 5\r\n",
            "content-length: 0\r\n",
            "transfer-encoding: chunked\r\n",
            "connection: close\r\n",
            "\r\n",
            "5\r\n",
            "hello",
            "0\r\n\r\n",
            "-1\r\n",
            "\x00",
            "x" * 70_000,
        ]
    ),
    max_size=12,
).map("".join)


def second_opinion(answer: bytes) -> int:
    """The status of a complete answer, as h11 reads it."""
    other = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * MAX_HEAD_BYTES)
    other.send(h11.Request(method="POST", target="/", headers=[("host", "x")]))
    other.send(h11.EndOfMessage())
    other.receive_data(answer)
    other.receive_data(b"")
    status = 0
    while not isinstance(event := other.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            status = event.status_code
    return status


@settings(max_examples=300, deadline=None)
@given(SOUP | st.binary(max_size=200))
def test_whatever_comes_is_a_failure_that_is_named_or_an_answer_to_others_too(
    answer: str | bytes,
) -> None:
    said = answer.encode() if isinstance(answer, str) else answer
    code = ""
    try:
        status = ask(said).status
    except Unanswered as failure:
        code = failure.code
    if code:
        assert code in ("connection_broken", "invalid_answer")
    else:
        assert second_opinion(said) == status
