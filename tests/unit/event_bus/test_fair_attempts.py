"""The writer that has lost most often waits least, and attempts end in time."""

from event_bus.conflicts import fair_attempts


def test_pauses_become_shorter_and_end_in_time() -> None:
    now, pauses = [0.0], []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += 1

    tried = list(fair_attempts(10, sleep=sleep, clock=lambda: now[0]))
    # The pauses take a second here: the attempt after ten seconds is the last.
    assert tried == list(range(12))
    for attempt, pause in enumerate(pauses, 1):
        assert 0 <= pause <= max(0.16 / attempt, 0.01)


def test_short_attempts_end_by_their_time_alone() -> None:
    now = [0.0]

    def sleep(_: float) -> None:
        now[0] += 0.015625

    tried = list(fair_attempts(10, sleep=sleep, clock=lambda: now[0]))
    assert tried == list(range(642))
