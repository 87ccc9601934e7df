"""What costs is read once in a while."""

from event_bus.metrics.remembered import Remembered

from tests.clock import Clock


def test_what_is_remembered_is_read_once_in_a_while() -> None:
    clock, reads = Clock(), iter(range(9))
    remembered = Remembered(lambda: next(reads), 60, clock)
    assert (remembered(), remembered()) == (0, 0)
    clock.now += 60
    assert remembered() == 1
