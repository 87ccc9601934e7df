"""The action of a timer is called at its time, unless it is cancelled before."""

import queue
import threading
import time

from event_bus.timers import Timers

SOON, LATER = 0.05, 0.15


def test_timers_act_in_the_order_of_their_times() -> None:
    timers = Timers()
    passed: queue.Queue[tuple[str, float]] = queue.Queue()
    begun = time.monotonic()
    for name, seconds in (("later", LATER), ("soon", SOON), ("at once", 0)):
        timers.after(seconds, lambda name=name: passed.put((name, time.monotonic())))  # type: ignore[misc]
    found = [passed.get(timeout=5) for _ in range(3)]
    assert [name for name, _ in found] == ["at once", "soon", "later"]
    waits = (0, SOON, LATER)
    assert all(at - begun >= wait for (_, at), wait in zip(found, waits, strict=True))


def test_a_timer_does_not_wait_for_one_that_ends_much_later() -> None:
    timers, passed = Timers(), threading.Event()
    timers.after(20, lambda: None)
    # By now, the thread sleeps until the first timer ends.
    time.sleep(SOON)
    timers.after(SOON, passed.set)
    assert passed.wait(5)


def test_a_cancelled_action_is_not_called() -> None:
    timers, passed = Timers(), threading.Event()
    done: list[str] = []
    timers.after(SOON, lambda: done.append("cancelled")).cancel()
    timers.after(LATER, passed.set)
    assert passed.wait(5)
    assert done == []


def test_one_thread_serves_all_and_ends_with_them() -> None:
    before, timers = set(threading.enumerate()), Timers()
    last = threading.Event()
    for _ in range(20):
        timers.after(SOON, lambda: None)
    timers.after(LATER, last.set)
    [its_own] = set(threading.enumerate()) - before
    assert last.wait(5)
    its_own.join(5)
    assert not its_own.is_alive()
    again = threading.Event()
    timers.after(0, again.set)
    assert again.wait(5)
