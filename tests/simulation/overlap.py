"""Clients, functions and subscribers that overlap, in an order that Hypothesis chooses.

`python -m tests.simulation.overlap --examples 2000` searches more courses than the tests; `--seed`
chooses other ones.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.simulation import overlap_promises as promises
from tests.simulation.checker import check
from tests.simulation.known import Subscriber
from tests.simulation.overlap_changes import CHANGE_CONTESTS
from tests.simulation.overlap_commands import COMMAND_CONTESTS
from tests.simulation.overlap_inboxes import INBOX_CONTESTS
from tests.simulation.overlap_models import MODEL_CONTESTS, check_models
from tests.simulation.overlap_operations import (
    CONTESTS,
    KINDS,
    POLICIES,
    SERVICES,
    OverlapOperations,
)
from tests.simulation.overlap_registered import check_limits, check_registrations
from tests.simulation.overlap_registrations import REGISTRATION_CONTESTS, with_small_limits
from tests.simulation.overlap_streams import STREAM_CONTESTS, check_hidden
from tests.simulation.overlapping_world import refuses_each
from tests.simulation.process import simulated

ALL_CONTESTS = (
    *CONTESTS,
    *COMMAND_CONTESTS,
    *CHANGE_CONTESTS,
    *MODEL_CONTESTS,
    *STREAM_CONTESTS,
    *INBOX_CONTESTS,
    *REGISTRATION_CONTESTS,
)
"""Operations that compete for the same resource."""

A_MONTH = 31 * 86_400
"""Longer than the bus keeps events, in seconds."""

WAITS = (1, 1, 1, 40, 40, 40, 2_000, 2_000, 2_000, A_MONTH)
"""For how many seconds a course may wait; events rarely expire."""


_PIECE_SECONDS = 900


class Overlap(OverlapOperations, RuleBasedStateMachine):
    """Starts operations, continues them in any order, and checks every promise.

    Attributes:
        begun: How many operations of each kind were started.
    """

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        OverlapOperations.__init__(self)
        self.begun: Counter[str] = Counter()
        self._stack = ExitStack()
        self._stack.enter_context(simulated(self.world, 0))
        with_small_limits(self._stack.enter_context(pytest.MonkeyPatch.context()))

    @initialize(
        refuses=st.integers(0, 3),
        ordered=st.booleans(),
        opened=st.booleans(),
        handler=st.none() | st.integers(0, 3),
        inbox=st.integers(0, 3),
    )
    def begin(
        self, refuses: int, ordered: bool, opened: bool, handler: int | None, inbox: int
    ) -> None:
        for service in SERVICES:
            self._register(service)
            self._make_key(SERVICES.index(service))()
        self.world.subscribe(["task.*"], Subscriber(refuses_each(1)), retry_policy=POLICIES[0])
        self.world.publish(*[self._event(f"task/{each % 2}") for each in range(3)])
        while self.world.step():
            pass
        subscription_id = self.world.subscribe(
            ["task.*"],
            Subscriber(refuses_each(refuses)),
            ordered=ordered,
            retry_policy=POLICIES[0],
        )
        if opened:
            self._open_circuit(subscription_id)
        self._subscribe_inbox(inbox)()
        self.world.publish(*[self._event(f"task/{each % 2}") for each in range(4)])
        self._replay(0)()
        if handler is not None:
            self._handle(handler)()
            self._send(handler)()

    @rule(
        kinds=st.sampled_from(ALL_CONTESTS) | st.lists(st.sampled_from(KINDS), max_size=3),
        choice=st.integers(0, 3),
        order=st.lists(st.integers(0, 5), max_size=20),
    )
    def overlap(self, kinds: Sequence[str], choice: int, order: list[int]) -> None:
        """Starts several operations at once, and continues all running ones in an order."""
        for kind in kinds:
            operation: Callable[[int], Callable[[], object] | None] = getattr(self, f"_{kind}")
            if work := operation(choice):
                self._started += 1
                self.begun[kind] += 1
                self.world.start(f"{kind}-{self._started}", work)
        for each in order:
            self.world.operations.resume(each)

    @rule(order=st.lists(st.integers(0, 5), min_size=1, max_size=30))
    def continue_operations(self, order: list[int]) -> None:
        """Continues running operations in an order."""
        for each in order:
            self.world.operations.resume(each)

    @rule(seconds=st.sampled_from(WAITS))
    def wait(self, seconds: int) -> None:
        """Lets time pass: longer than any function runs, or a message waits for one."""
        self.world.operations.finish()
        if seconds >= A_MONTH:
            self.world.pass_time(seconds)
            return
        left = seconds
        while left:
            while self.world.step():
                pass
            promises.check_probes(self.world)
            # A message that waited for longer would count as lost.
            piece = min(left, _PIECE_SECONDS)
            self.world.wait(piece)
            left -= piece

    @invariant()
    def failures_in_a_row_are_in_a_row(self) -> None:
        promises.check_failures(self.world)

    @invariant()
    def limits_hold(self) -> None:
        check_limits(self.world)

    def teardown(self) -> None:
        try:
            self.world.operations.finish()
            promises.check_probes(self.world)
            for each in self.world.pauses:
                if each not in self.world.gone:
                    self._change(each, status="active")
            self.world.settle()
            self.world.come_again()
            check(self.world)
            promises.check_overlaps(self.world)
            check_models(self.world)
            check_hidden(self.world)
            check_limits(self.world)
            check_registrations(self)
        finally:
            self.world.operations.abandon()
            self._stack.close()


def run(examples: int, steps: int, seed: int | None = None, *, shrink: bool = True) -> None:
    """Searches a number of courses for a violation.

    Args:
        examples: How many courses.
        steps: How many steps each has.
        seed: Chooses the courses; None for the same ones every time.
        shrink: Whether a failing course is shrunk to its shortest form.
    """
    machine: type[RuleBasedStateMachine] = Overlap
    if seed is not None:
        machine = hypothesis.seed(seed)(type("Overlap", (Overlap,), {}))
    run_state_machine_as_test(
        machine,
        settings=hypothesis.settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=seed is None,
            deadline=None,
            database=None,
            phases=[
                hypothesis.Phase.generate,
                *([hypothesis.Phase.shrink] if shrink else []),
            ],
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )


def main() -> int:
    """Runs the command; shows a violation with the steps that lead to it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=500, help="how many courses")
    parser.add_argument("--steps", type=int, default=15, help="how many steps each has")
    parser.add_argument("--seed", type=int, default=1, help="where to look")
    asked = parser.parse_args()
    if asked.examples < 1 or asked.steps < 1:
        parser.error("--examples and --steps must be at least 1")
    run(asked.examples, asked.steps, asked.seed)
    sys.stdout.write(f"{asked.examples} courses of {asked.steps} steps, no violation\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
