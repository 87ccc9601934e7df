"""What a refusal names."""

import pytest
from event_bus.errors import Problem


def pointers(refusal: pytest.ExceptionInfo[Problem]) -> list[str]:
    """The pointers of the faults of a refusal."""
    return [fault.pointer for fault in refusal.value.faults]
