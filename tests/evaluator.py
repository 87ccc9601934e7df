"""A bus on which the process that evaluates expressions does not start."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from event_bus.errors import EvaluatorNotStarted
from event_bus.expressions import evaluator
from event_bus.model.outcome import Outcome

NOT_EVALUATED = Outcome(
    "expression_not_evaluated", "the process that evaluates expressions did not start", unsent=True
)
"""The outcome of an attempt without that process."""


@contextmanager
def no_evaluator() -> Iterator[None]:
    """Keeps the process from starting."""

    def fail(_: object) -> None:
        raise EvaluatorNotStarted

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(evaluator, "_PROCESS", evaluator._Process())
        patched.setattr(evaluator._Process, "_start", fail)
        yield
