"""Listening goes on from where it was, whatever happens between two turns."""

import json
from collections.abc import Iterator

import httpx
import pytest
from event_bus_client import Event, EventBus, Forbidden, RetryPolicy

AT = "2026-05-01T12:00:00.000Z"


def block(place: int) -> str:
    event = {"id": f"e{place}", "type": "order.placed", "source": "shop", "timestamp": AT}
    data = json.dumps(event | {"payload": {}, "metadata": {}})
    return f"id: s.{place}\nevent: order.placed\ndata: {data}\n\n"


class Stream:
    """Answers turn by turn, and keeps the last ids that were sent."""

    def __init__(self, *turns: str | httpx.Response) -> None:
        self.turns: Iterator[str | httpx.Response] = iter(turns)
        self.last_ids: list[str | None] = []
        self.types: set[str] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.last_ids.append(request.headers.get("last-event-id"))
        self.types.add(request.url.params["types"])
        turn = next(self.turns, httpx.Response(403, json={"title": "The test is over"}))
        if isinstance(turn, httpx.Response):
            return turn
        return httpx.Response(200, text=turn, headers={"content-type": "text/event-stream"})


def heard(stream: Stream) -> tuple[list[Event], list[str]]:
    bus = EventBus(
        "https://bus.example",
        retries=RetryPolicy(attempts=1),
        transport=httpx.MockTransport(stream),
    )
    events: list[Event] = []
    gaps: list[str] = []
    with pytest.raises(Forbidden):
        _listen(bus, events, gaps)
    return events, gaps


def _listen(bus: EventBus, events: list[Event], gaps: list[str]) -> None:
    listening = bus.listen("order.*", "user.created", on_gap=gaps.append)
    while True:
        events.append(next(listening))


def test_each_turn_continues_after_the_previous_one() -> None:
    stream = Stream("retry: 500\n" + block(1) + block(2), block(3))
    events, gaps = heard(stream)
    assert [each.id for each in events] == ["e1", "e2", "e3"]
    assert stream.last_ids == [None, "s.2", "s.3"]
    assert stream.types == {"order.*,user.created"}
    assert gaps == []


def test_a_turn_without_events_moves_the_place() -> None:
    stream = Stream("retry: 500\n: no events\nid: s.7\n\n", block(8))
    events, _ = heard(stream)
    assert [each.id for each in events] == ["e8"]
    assert stream.last_ids == [None, "s.7", "s.8"]


def test_failures_between_turns_are_waited_out() -> None:
    failing = httpx.Response(503, headers={"retry-after": "0.01"})
    stream = Stream(block(1), failing, failing, block(2))
    events, _ = heard(stream)
    assert [each.id for each in events] == ["e1", "e2"]
    assert stream.last_ids == [None, "s.1", "s.1", "s.1", "s.2"]


def test_a_gap_is_reported() -> None:
    reset = 'id: t.0\nevent: eventbus.stream.reset\ndata: {"reason": "it was too long"}\n\n'
    stream = Stream(block(1), reset, block(2))
    events, gaps = heard(stream)
    assert gaps == ["it was too long"]
    assert [each.id for each in events] == ["e1", "e2"]
    assert stream.last_ids[2] == "t.0"


def test_an_event_that_the_bus_cannot_read_is_passed_over() -> None:
    error = '{"error": {"code": "event_unreadable", "detail": "its metadata is no JSON"}}'
    unreadable = f"id: s.2\nevent: order.placed\ndata: {error}\n\n"
    stream = Stream(block(1) + unreadable + block(3))
    events, gaps = heard(stream)
    assert [each.id for each in events] == ["e1", "e3"]
    assert gaps == ["its metadata is no JSON"]
    assert stream.last_ids == [None, "s.3"]


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\u0085"])
def test_no_payload_sets_the_place_from_which_it_continues(end: str) -> None:
    text = f"data{end}id: elsewhere"
    stream = Stream(block(1).replace('"payload": {}', f'"payload": {{"text": "{text}"}}'))
    events, _ = heard(stream)
    assert [each.payload for each in events] == [{"text": text}]
    assert stream.last_ids == [None, "s.1"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_it_knows_the_ends_of_lines_of_sse(end: str) -> None:
    stream = Stream((block(1) + block(2)).replace("\n", end))
    events, _ = heard(stream)
    assert [each.id for each in events] == ["e1", "e2"]
    assert stream.last_ids == [None, "s.2"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("kept", ["id: s.2", "id: s.2\n", "id: s.2\nevent: order.placed\ndata: {"])
def test_an_event_that_was_cut_off_comes_again(end: str, kept: str) -> None:
    stream = Stream((block(1) + kept).replace("\n", end), block(2))
    events, _ = heard(stream)
    assert [each.id for each in events] == ["e1", "e2"]
    assert stream.last_ids == [None, "s.1", "s.2"]


def test_listening_ends_where_it_is_stopped() -> None:
    stream = Stream(block(1) + block(2), block(3))
    bus = EventBus("https://bus.example", transport=httpx.MockTransport(stream))
    listening, found = bus.listen("order.*"), []
    for event in listening:
        found.append(event.id)
        listening.stop()
    assert found == ["e1"]
