"""Attempts at writes that others may overtake."""

from event_bus.conflicts import attempts


def test_there_is_a_pause_between_two_attempts_and_nowhere_else() -> None:
    pauses: list[float] = []
    assert list(attempts(4, sleep=pauses.append)) == [0, 1, 2, 3]
    assert len(pauses) == 3


def test_the_first_success_ends_them() -> None:
    pauses: list[float] = []
    for attempt in attempts(4, sleep=pauses.append):
        if attempt == 1:
            break
    assert len(pauses) == 1


def test_pauses_are_random_grow_and_have_a_bound() -> None:
    longest: list[float] = [0.0] * 9
    for _ in range(200):
        pauses: list[float] = []
        list(attempts(10, pause=0.01, longest_pause=0.05, sleep=pauses.append))
        longest = [max(pair) for pair in zip(longest, pauses, strict=True)]
    assert all(0.005 < each <= 0.05 for each in longest)
    assert longest[0] <= 0.01 < longest[2]
