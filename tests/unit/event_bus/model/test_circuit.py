"""A circuit opens after failures, lets one probe through, and closes after a success."""

from event_bus.model.circuit import (
    CONSECUTIVE_FAILURES,
    FIRST_PAUSE_SECONDS,
    KNOWN_SECONDS,
    LEAST_SAMPLE,
    LONGEST_PAUSE_SECONDS,
    PROBE_RESULT_SECONDS,
    PROBE_SECONDS,
    WINDOW_SECONDS,
    Circuit,
    Tally,
)
from hypothesis import given
from hypothesis import strategies as st

START = 1_000.0


def tally(successes: int, failures: int) -> Tally:
    """Attempts, with the failures ending last."""
    return Tally(successes, failures, failures)


def opened() -> Circuit:
    return Circuit(window_start=START).after(tally(0, CONSECUTIVE_FAILURES), START)


def known() -> Circuit:
    """A circuit that every function knows at the start, one failure after it began."""
    return Circuit().after(tally(0, 1), START - KNOWN_SECONDS)


def test_failures_in_a_row_open_it() -> None:
    circuit = known().after(tally(0, CONSECUTIVE_FAILURES - 1), START)
    assert circuit.permits
    circuit = circuit.after(tally(0, 1), START + 5)
    assert (circuit.state, circuit.until) == ("open", START + 5 + FIRST_PAUSE_SECONDS)
    assert (circuit.failing_since, circuit.consecutive) == (
        START - KNOWN_SECONDS,
        CONSECUTIVE_FAILURES + 1,
    )


def test_failures_do_not_add_up_until_every_function_knows_it() -> None:
    circuit = Circuit()
    for moment in (START, START, START + KNOWN_SECONDS - 0.1):
        circuit = circuit.after(tally(0, CONSECUTIVE_FAILURES - 1), moment)
        assert circuit.permits
    circuit = circuit.after(tally(0, CONSECUTIVE_FAILURES - 1), START + KNOWN_SECONDS)
    assert circuit.permits
    assert circuit.after(tally(0, 1), START + KNOWN_SECONDS).state == "open"


def test_one_tally_opens_it_although_other_functions_do_not_know_it() -> None:
    assert opened().state == "open"
    half = Tally(LEAST_SAMPLE // 2, LEAST_SAMPLE // 2, 1)
    for begun in (Circuit(), Circuit().after(tally(0, 1), START)):
        assert begun.after(half, START).state == "open"
        assert begun.after(Tally(LEAST_SAMPLE, LEAST_SAMPLE - 1, 1), START).permits


def test_it_stays_for_the_rest_of_its_window_although_early_failures_do_not_count() -> None:
    circuit = known().after(tally(1, 0), START)
    assert (circuit.failures, circuit.healthy) == (0, False)
    assert circuit.after(tally(1, 0), START + WINDOW_SECONDS).healthy


def test_counting_goes_on_after_a_late_success_has_closed_it_early() -> None:
    closed = opened().after(Tally(1, CONSECUTIVE_FAILURES - 1, CONSECUTIVE_FAILURES - 1), START)
    assert (closed.state, closed.consecutive) == ("closed", CONSECUTIVE_FAILURES - 1)
    assert closed.after(tally(0, 1), START + 1).permits
    assert closed.after(tally(0, 1), START + KNOWN_SECONDS).permits
    # Nobody needs to learn of a circuit that closes later.
    probed = opened().probed(START + FIRST_PAUSE_SECONDS)
    assert probed
    late = START + FIRST_PAUSE_SECONDS
    closed = probed.after(Tally(1, CONSECUTIVE_FAILURES - 1, CONSECUTIVE_FAILURES - 1), late)
    assert closed.after(tally(0, 1), late).state == "open"


def test_a_success_alone_begins_no_circuit() -> None:
    assert Circuit().after(tally(1, 0), START).healthy


def test_a_success_resets_the_count_of_failures_in_a_row() -> None:
    circuit = Circuit(window_start=START).after(tally(0, CONSECUTIVE_FAILURES - 1), START)
    circuit = circuit.after(tally(1, 0), START)
    assert (circuit.consecutive, circuit.failing_since) == (0, None)
    assert circuit.after(tally(0, CONSECUTIVE_FAILURES - 1), START).permits


def test_half_of_enough_attempts_in_a_window_open_it() -> None:
    mixed = known()
    for _ in range(LEAST_SAMPLE // 2 - 1):
        mixed = mixed.after(tally(1, 1), START)
    assert mixed.permits
    assert mixed.after(tally(1, 1), START).state == "open"
    # What was counted before the window does not count.
    assert mixed.after(tally(1, 1), START + WINDOW_SECONDS).permits


def test_a_probe_is_let_through_when_its_pause_is_over_and_no_other_for_a_while() -> None:
    circuit = opened()
    assert circuit.probed(circuit.until - 0.1) is None
    probed = circuit.probed(circuit.until)
    assert probed
    assert (probed.state, probed.permits) == ("half_open", False)
    assert probed.probed(circuit.until + PROBE_SECONDS - 0.1) is None
    assert probed.probed(circuit.until + PROBE_SECONDS)


def test_a_probe_that_fails_doubles_the_pause_and_one_that_succeeds_closes_it() -> None:
    circuit = opened()
    pauses = []
    for _ in range(8):
        probed = circuit.probed(circuit.until)
        assert probed
        circuit = probed.after(tally(0, 1), circuit.until)
        pauses.append(circuit.pause)
    assert pauses[:3] == [60, 120, 240]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    probed = circuit.probed(circuit.until)
    assert probed
    closed = probed.after(tally(1, 0), circuit.until)
    assert closed.healthy
    assert closed.pause == FIRST_PAUSE_SECONDS


def test_a_late_failure_does_not_move_an_open_circuit() -> None:
    circuit = opened()
    assert circuit.after(tally(0, 3), START + 1).until == circuit.until


ENDINGS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 12), st.floats(0, 2_000)), max_size=40
)


@given(ENDINGS)
def test_whatever_happens_it_can_be_closed_again(endings: list[tuple[int, int, float]]) -> None:
    circuit, now = Circuit(window_start=START), START
    for successes, failures, wait in endings:
        if not successes + failures:
            continue
        now += wait
        circuit = circuit.probed(now) or circuit if not circuit.permits else circuit
        circuit = circuit.after(tally(successes, failures), now)
        assert circuit.until <= now + LONGEST_PAUSE_SECONDS
        assert (circuit.failing_since is None) is (failures == 0 and successes > 0)
    probed = circuit.probed(now + LONGEST_PAUSE_SECONDS) if not circuit.permits else circuit
    assert probed
    assert probed.after(tally(1, 0), now + LONGEST_PAUSE_SECONDS + WINDOW_SECONDS).healthy


def test_only_failures_after_the_last_success_are_in_a_row() -> None:
    mixed = Tally()
    for delivered in (False, False, True, False):
        mixed = mixed.with_one(delivered=delivered)
    assert mixed == Tally(successes=1, failures=3, trailing=1)
    circuit = Circuit(window_start=START).after(tally(0, CONSECUTIVE_FAILURES - 1), START)
    circuit = circuit.after(mixed, START)
    assert (circuit.state, circuit.consecutive, circuit.failing_since) == ("closed", 1, START)


def test_failures_after_the_success_that_closes_it_are_counted() -> None:
    circuit = opened()
    probed = circuit.probed(circuit.until)
    assert probed
    closed = probed.after(Tally(1, 2, 2), circuit.until)
    assert (closed.state, closed.consecutive, closed.healthy) == ("closed", 2, False)


def test_a_permit_that_is_given_back_goes_to_the_next_delivery() -> None:
    circuit = opened()
    probed = circuit.probed(circuit.until)
    assert probed
    returned = probed.given_back(circuit.until + 1)
    assert not returned.waits(circuit.until + 1)
    again = returned.probed(circuit.until + 1)
    assert again
    assert again.pause == FIRST_PAUSE_SECONDS


def test_a_waiting_delivery_checks_again_after_the_pause_or_the_probe() -> None:
    circuit = opened()
    now = circuit.until - FIRST_PAUSE_SECONDS
    assert all(
        circuit.until <= circuit.retry_at(now) <= circuit.until + FIRST_PAUSE_SECONDS / 2
        for _ in range(50)
    )
    probed = circuit.probed(circuit.until)
    assert probed
    assert probed.waits(circuit.until)
    assert all(
        0 <= probed.retry_at(circuit.until) - circuit.until <= PROBE_RESULT_SECONDS
        for _ in range(50)
    )
