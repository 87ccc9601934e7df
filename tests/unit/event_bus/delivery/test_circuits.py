"""Functions that deliver side by side agree on a subscriber's circuit."""

from event_bus import times
from event_bus.delivery.circuits import CACHE_SECONDS, Circuits, Tally
from event_bus.model.circuit import CONSECUTIVE_FAILURES, Circuit

from tests.aws import Aws


def two(aws: Aws) -> tuple[Circuits, Circuits, list[float]]:
    """Two functions, and what their clocks show."""
    now = [1_000.0]
    return Circuits(aws.circuits, lambda: now[0]), Circuits(aws.circuits, lambda: now[0]), now


def test_one_of_them_sends_the_probe(aws: Aws) -> None:
    first, second, _ = two(aws)
    over = Circuit(state="open", until=times.unix() - 1, version=1)
    aws.circuits.put("sub_1", over)
    for each in (first, second):
        each.look_up(["sub_1"])
    assert first.closed_until("sub_1") is None
    until = second.closed_until("sub_1")
    assert until is not None
    assert until > times.unix()
    assert first.closed_until("sub_1") is not None


def test_what_they_count_at_the_same_time_is_counted_together(aws: Aws) -> None:
    first, second, _ = two(aws)
    for each in (first, second):
        each.look_up(["sub_1"])
    first.count({"sub_1": Tally(failures=CONSECUTIVE_FAILURES - 1)})
    troubled = second.count({"sub_1": Tally(failures=1)})
    assert troubled["sub_1"].state == "open"
    assert aws.circuits.get_many(["sub_1"]) == troubled


def test_one_learns_what_the_other_found_out_when_its_copy_is_old(aws: Aws) -> None:
    first, second, now = two(aws)
    for each in (first, second):
        each.look_up(["sub_1"])
    first.count({"sub_1": Tally(failures=CONSECUTIVE_FAILURES)})
    assert first.closed_until("sub_1") is not None
    second.look_up(["sub_1"])
    assert second.closed_until("sub_1") is None
    now[0] += CACHE_SECONDS
    second.look_up(["sub_1"])
    assert second.closed_until("sub_1") is not None
