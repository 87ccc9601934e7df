"""The log of what the bus's functions print when an API or a schedule calls them.

Ministack logs what functions print that a queue, a table stream or a client calls.
"""

from collections.abc import Callable
from typing import Any

from localstack.ministack_costs import CALLED, HANDLER

Execute = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


def logged(execute: Execute) -> Execute:
    """Returns a function of ministack that calls a function, and logs what the latter prints."""

    def executed(function: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
        result = execute(function, event)
        if function.get("config", function).get("Handler") == HANDLER:
            lines = str(result.get("log") or "").splitlines()
            for line in lines:
                if line and line != CALLED:
                    print(line, flush=True)
        return result

    return executed
