"""A server that does not answer as a bus does: the client says so, ends in time, and goes on."""

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from event_bus_client import (
    BackgroundPublisher,
    CommandFailed,
    CommandNotEnded,
    ConfigurationError,
    ConnectionFailed,
    EventBus,
    NewEvent,
    Problem,
    RetryPolicy,
    UnexpectedAnswer,
)
from event_bus_client._sync import commands, inbox, listening, transport
from event_bus_client.calls import LONGEST_PAUSE, MAX_ANSWER_BYTES
from event_bus_client.config import trusted
from event_bus_client.conversation import Conversation
from event_bus_client.times import rfc3339

AT = "2026-05-01T12:00:00.000Z"
STORED = {
    "status": 202,
    "id": "evt_1",
    "type": "a.b",
    "source": "shop",
    "timestamp": AT,
    "created_at": AT,
}
ONCE = RetryPolicy(attempts=1)

Answering = Callable[[httpx.Request], httpx.Response]


def bus_that(answers: Answering) -> EventBus:
    network = httpx.MockTransport(answers)
    return EventBus(url="https://bus.test", api_key="k", transport=network, retries=ONCE)


class Clock:
    """A clock that stands still until somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (inbox, listening, commands, transport):
        monkeypatch.setattr(module, "time", made)
        monkeypatch.setattr(module, "sleep", made.sleep)
    return made


CALLS: dict[str, Callable[[EventBus], Any]] = {
    "publish": lambda bus: bus.publish("a.b", {}),
    "batch": lambda bus: bus.publish_batch([NewEvent(type="a.b", payload={})] * 2),
    "event": lambda bus: bus.events.get("evt_1"),
    "events": lambda bus: list(bus.events.list()),
    "keys": lambda bus: bus.publishers.keys.list("shop"),
    "key": lambda bus: bus.publishers.keys.create("shop", name="n", scopes=["publish"]),
    "command": lambda bus: bus.commands.get("cmd_1"),
    "state": lambda bus: bus.streams.state("a/1"),
    "append": lambda bus: bus.streams.append("a/1", [NewEvent(type="a.b", payload={})]),
    "drafts": lambda bus: bus.schemas.drafts(),
    "token": lambda bus: bus.stream_token(),
    "reducers": lambda bus: list(bus.reducers.list()),
}
NO_ANSWERS = {
    "page": httpx.Response(200, html="<title>Log in to the network</title>"),
    "text": httpx.Response(200, text='{"items": []}'),
    "empty": httpx.Response(200),
    "list": httpx.Response(200, json=[]),
    "text as JSON": httpx.Response(200, json="hello"),
    "another object": httpx.Response(200, json={"message": "hello", "items": 7, "results": [{}]}),
    "items of another kind": httpx.Response(200, json={"items": [7], "results": [{}, 7]}),
    "half": httpx.Response(
        200, content=b'{"items": [', headers={"content-type": "application/json"}
    ),
    "deep": httpx.Response(
        200, content=b"[" * 100_000, headers={"content-type": "application/json"}
    ),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_an_answer_of_another_server_is_named(call: str, answer: str) -> None:
    bus = bus_that(lambda _: NO_ANSWERS[answer])
    with pytest.raises(UnexpectedAnswer, match=r"answer"):
        CALLS[call](bus)


def test_an_answer_that_is_no_json_is_shown_with_its_media_type() -> None:
    bus = bus_that(lambda _: NO_ANSWERS["page"])
    with pytest.raises(UnexpectedAnswer, match=r"GET /subscriptions/s .* \(text/html"):
        bus.subscriptions.get("s")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_batch_has_one_result_for_each_event(count: int) -> None:
    bus = bus_that(lambda _: httpx.Response(207, json={"results": [STORED] * count}))
    with pytest.raises(UnexpectedAnswer):
        bus.publish_batch([NewEvent(type="a.b", payload={})] * 2)


def test_a_broken_encoding_counts_as_no_answer() -> None:
    spoiled = gzip.compress(b"{}")[:10] + b"this is not compressed"
    headers = {"content-type": "application/json", "content-encoding": "gzip"}

    def answers(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(spoiled))

    with pytest.raises(ConnectionFailed, match="no answer in 1 attempts"):
        bus_that(answers).events.get("evt_1")


def test_an_encoded_answer_is_read() -> None:
    content = gzip.compress(b'{"items": [], "next_cursor": null}')
    headers = {"content-type": "application/json", "content-encoding": "gzip"}

    def answers(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(content))

    assert bus_that(answers).events.list().page().items == []


class Dripping(httpx.SyncByteStream):
    """A body of which one byte comes in each second, for ever."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self._clock.now += 1
            yield b" "

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("status", [200, 503])
def test_an_answer_that_drips_ends_with_the_timeout(clock: Clock, status: int) -> None:
    drips: list[Dripping] = []

    def answers(_: httpx.Request) -> httpx.Response:
        drips.append(Dripping(clock))
        return httpx.Response(status, stream=drips[-1])

    started = clock.now
    with pytest.raises(ConnectionFailed, match="did not end in time"):
        bus_that(answers).events.get("evt_1")
    assert clock.now - started <= 31
    assert all(each.closed for each in drips)


def test_an_answer_without_an_end_is_left() -> None:
    read = 0

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            nonlocal read
            while True:
                read += 1_000_000
                yield b" " * 1_000_000

    with pytest.raises(UnexpectedAnswer, match="more than"):
        bus_that(lambda _: httpx.Response(200, stream=Endless())).events.get("evt_1")
    assert read <= MAX_ANSWER_BYTES + 1_000_000


def test_a_redirect_is_refused_and_no_key_is_sent_there() -> None:
    asked: list[str] = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(307, headers={"location": "https://elsewhere.test/events"})

    with pytest.raises(Problem, match=r"does not redirect.*elsewhere\.test"):
        bus_that(answers).events.get("evt_1")
    assert asked == ["https://bus.test/events/evt_1"]


def test_a_background_publisher_outlives_answers_of_others() -> None:
    answers = [NO_ANSWERS["page"], NO_ANSWERS["list"], httpx.Response(207, json={"results": []})]
    good = {"results": [STORED, STORED]}

    def answering(_: httpx.Request) -> httpx.Response:
        return answers.pop(0) if answers else httpx.Response(207, json=good)

    with BackgroundPublisher(bus_that(answering), flush_seconds=60) as publisher:
        # Its pauses between attempts end at once.
        real = publisher._changed.wait_for

        def wait_for(until: Callable[[], Any], seconds: float | None = None) -> Any:
            return real(until, 60 if seconds is None else 0)

        publisher._changed.wait_for = wait_for  # type: ignore[assignment, method-assign]
        publisher.publish("a.b", {})
        publisher.publish("a.b", {})
        assert publisher.flush()
    assert answers == []


def test_a_list_whose_page_names_itself_ends() -> None:
    asked = 0

    def answers(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(200, json={"items": [], "next_cursor": "again"})

    with pytest.raises(UnexpectedAnswer, match="does not end"):
        list(bus_that(answers).events.list())
    assert asked == 2


def test_a_consumer_asks_a_bus_that_does_not_wait_once_a_second(clock: Clock) -> None:
    bus = bus_that(lambda _: httpx.Response(200, json={"items": [], "lease": None}))
    consumer = bus.inbox("sub_1")

    def stop_later(seconds: float) -> None:
        clock.now += seconds
        clock.slept.append(seconds)
        if len(clock.slept) == 5:
            consumer.stop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inbox, "sleep", stop_later)
        assert list(consumer.receive()) == []
    assert clock.slept == [1.0] * 5


@pytest.mark.parametrize("asked", ["1e300", "86400"])
def test_no_loop_waits_longer_than_a_minute(clock: Clock, asked: str) -> None:
    answers = [
        httpx.Response(503, headers={"retry-after": asked}),
        NO_ANSWERS["page"],
        httpx.Response(200, json={"items": [], "lease": None}),
    ]
    consumer = bus_that(lambda _: answers.pop(0)).inbox("sub_1")
    assert list(consumer.receive(until_empty=True)) == []
    assert clock.slept == [LONGEST_PAUSE, 1.0]
    conversation = Conversation("sub_1", None)
    failure = Problem(kind="", status=503, title="", detail="", retry_after=float(asked))
    assert conversation.pause(failure) == LONGEST_PAUSE


def test_a_listener_continues_after_an_answer_that_is_no_sse_stream(clock: Clock) -> None:
    def stream(content: str) -> httpx.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, content=content.encode(), headers=headers)

    event = f'{{"id":"evt_1","type":"a.b","source":"s","timestamp":"{AT}","payload":{{}}}}'
    answers = [
        NO_ANSWERS["page"],
        stream("id: 1\ndata: {half\n\n"),
        stream("id: 1\nevent: eventbus.stream.reset\ndata: [1]\n\n"),
        stream(""),
        stream(""),
        stream(f"id: 1\nevent: a.b\ndata: {event}\n\n"),
    ]
    listener = bus_that(lambda _: answers.pop(0)).listen("a.b")
    assert next(iter(listener)).id == "evt_1"
    assert clock.slept == [1.0] * 5


def test_a_request_asks_a_bus_that_does_not_wait_once_a_second(clock: Clock) -> None:
    running = {"id": "cmd_1", "type": "a.b", "state": "accepted"}
    answers = 0

    def answering(_: httpx.Request) -> httpx.Response:
        nonlocal answers
        answers += 1
        return httpx.Response(200, json=running) if answers < 5 else httpx.Response(404)

    with pytest.raises(Problem):
        bus_that(answering).commands.request("a.b", {})
    assert clock.slept == [1.0] * 3


@pytest.mark.parametrize("deadline", [None, 60, -5, 3600])
def test_a_request_gives_up_a_command_that_the_bus_does_not_end(
    clock: Clock, deadline: float | None
) -> None:
    at = deadline and rfc3339(datetime.now(UTC) + timedelta(seconds=deadline))
    running = {"id": "cmd_1", "type": "a.b", "state": "delivered", "deadline": at}
    bus = bus_that(lambda _: httpx.Response(200, json=running))
    started = clock.now
    with pytest.raises(CommandNotEnded, match="'delivered', and its handler may") as failed:
        bus.commands.request("a.b", {}, timeout=60)
    assert failed.value.command.id == "cmd_1"
    assert isinstance(failed.value, CommandFailed)
    bound = 30 + (60 if deadline is None else max(0, deadline))
    # The deadline is measured by the clock of the machine, which goes on meanwhile.
    assert bound - 30 < clock.now - started <= bound + 2


@pytest.mark.parametrize(
    "message",
    [
        {"type": "subscribed"},
        {"type": "subscribed", "cursor": "x"},
        {"type": "events", "items": 7},
        {"type": "events", "items": [{}]},
        {"type": "events", "items": [{"cursor": "x", "delivery_id": "d", "event": {}}]},
        {"type": "error", "error": 7},
        {"type": "error", "error": {"status": "x"}},
    ],
)
def test_a_message_of_another_server_ends_the_connection(message: dict[str, Any]) -> None:
    conversation = Conversation("sub_1", None)
    with pytest.raises(ConnectionFailed):
        conversation.received(message, 1.0)


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https://[::1",
        "https://bus:port",
        "http:///events",
        "https://bus\x00",
        "https://bus.test/?a=b",
        "https://bus.test/v1#a",
        "ftp://user:hidden@bus.test",
        "https://user:hidden@bus:port",
    ],
)
def test_a_url_that_is_not_valid_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        EventBus(url=url)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("key", ["schlüssel", "a\nb", "k\x7f"])
def test_a_key_that_no_header_can_have_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="copy it again") as refused:
        EventBus(url="https://bus.test", api_key=key)
    assert key not in str(refused.value)


def test_a_key_and_a_url_may_have_come_with_the_end_of_their_line() -> None:
    seen: list[httpx.Request] = []

    def answers(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"items": [], "next_cursor": None})

    network = httpx.MockTransport(answers)
    EventBus(url=" https://bus.test/\n", api_key="k\r\n", transport=network).events.list().page()
    assert seen[0].headers["x-api-key"] == "k"
    assert seen[0].url.host == "bus.test"


def test_a_file_of_certificates_that_cannot_be_read_is_named(tmp_path: Any) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("not a certificate")
    for file in (empty, tmp_path / "missing.pem", tmp_path):
        with pytest.raises(ConfigurationError, match=file.name):
            trusted(str(file))
