"""Requests about the reducer or the read model of a category of streams."""

from typing import Any, Literal

from tests.builders import service
from tests.handlers import FunctionAnswer, Functions

PLANNER = service("planner")


def ask_about(
    kind: Literal["reducers", "read-models"],
    functions: Functions,
    method: str,
    body: Any = None,
    caller: Any = PLANNER,
    *,
    category: str = "task",
    below: str = "",
    **query: str,
) -> FunctionAnswer:
    """Sends a request about what a category has of this kind."""
    function = "events" if (kind, method) == ("read-models", "GET") else "registry"
    key = f"{method} /{kind}/{{category}}{below}"
    where = {"category": category}
    return functions.request(function, key, caller, body, parameters=where, query=query)
