"""The number of a service's requests that wait for events is limited."""

from contextlib import ExitStack

import pytest
from event_bus.errors import TooManyRequests
from event_bus.inbox.waiting import WINDOW_SECONDS, WaitingRoom

SLOTS = 4
WAIT = 25
MOST = SLOTS * WINDOW_SECONDS * 10


class Memory:
    """Counters that may not answer."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.answers = True
        self.writes = 0

    def add(self, name: str, requests: int, expires_at: int) -> int:
        assert expires_at > 0
        self.writes += 1
        if not self.answers:
            raise ConnectionError
        self.counts[name] = self.counts.get(name, 0) + requests
        return self.counts[name]


def _room(counters: Memory, now: list[float]) -> WaitingRoom:
    return WaitingRoom(counters, SLOTS, clock=lambda: now[0])


def test_a_service_has_so_many_places_and_another_one_its_own() -> None:
    counters, now = Memory(), [3_000.0]
    room = _room(counters, now)
    with ExitStack() as waiting:
        for _ in range(SLOTS * WINDOW_SECONDS // WAIT):
            waiting.enter_context(room.slot("shop", WAIT)())
        with pytest.raises(TooManyRequests) as refused, room.slot("shop", WAIT)():
            pass
        assert refused.value.headers["retry-after"] == str(WINDOW_SECONDS)
        assert "wait=0" in refused.value.document()["detail"]
        with room.slot("billing", WAIT)():
            pass
        # In the next window there is room again.
        now[0] += WINDOW_SECONDS
        with room.slot("shop", WAIT)():
            pass


def test_a_short_wait_returns_the_rest() -> None:
    counters, now = Memory(), [3_000.0]
    room = _room(counters, now)
    for _ in range(10 * SLOTS):
        with room.slot("shop", WAIT)():
            now[0] += 0.5
    assert max(counters.counts.values()) <= MOST


def test_a_wait_counts_by_tenths_of_a_second() -> None:
    # Each request for a state calls a function; a second for each would refuse ordinary use.
    counters, now = Memory(), [3_000.0]
    room = _room(counters, now)
    for _ in range(7 * SLOTS * WINDOW_SECONDS):
        with room.slot("shop", WAIT)():
            now[0] += 0.05
        now[0] -= 0.05
    assert max(counters.counts.values()) <= MOST


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ("leave out verify", "waiting_requests; leave out verify, or retry later."),
        ("", "waiting_requests; retry later."),
    ],
)
def test_a_refusal_says_how_to_avoid_the_wait(instead: str, said: str) -> None:
    room = WaitingRoom(Memory(), 0, clock=lambda: 3_000.0)
    with pytest.raises(TooManyRequests, match=said), room.slot("shop", 0.01, instead)():
        pass


def test_a_refused_request_takes_nothing() -> None:
    counters, now = Memory(), [3_000.0]
    room = _room(counters, now)
    with ExitStack() as waiting:
        for _ in range(4):
            waiting.enter_context(room.slot("shop", WAIT)())
        for _ in range(100):
            with pytest.raises(TooManyRequests), room.slot("shop", WAIT)():
                pass
        assert max(counters.counts.values()) <= MOST
        # A shorter wait may still fit.
        with room.slot("shop", 5)():
            pass


def test_counters_that_do_not_answer_refuse_nobody() -> None:
    counters, now = Memory(), [3_000.0]
    counters.answers = False
    with _room(counters, now).slot("shop", WAIT)():
        now[0] += 1


def test_a_failure_gives_its_place_back() -> None:
    counters, now = Memory(), [3_000.0]
    with pytest.raises(ZeroDivisionError), _room(counters, now).slot("shop", WAIT)():
        raise ZeroDivisionError
    assert set(counters.counts.values()) == {0}
