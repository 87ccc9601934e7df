"""Reducers: the rules that compute the state of an event stream from its events."""

import re
from dataclasses import dataclass
from typing import Literal

MAX_VERSIONS = 1_000
"""Versions that a category's reducer may have had."""

MAX_REDUCERS = 100
"""How many categories of a service may have a reducer."""

ReducerType = Literal["merge", "jsonata", "lambda"]
"""How events become a state: as JSON Merge Patches, by an expression, or by a function."""


@dataclass(frozen=True, slots=True)
class Reducer:
    """The rule that computes a state from events.

    Attributes:
        type: How it computes the state.
        expression: The JSONata expression, for the type `jsonata`.
        function: The ARN of a version of a function, for the type `lambda`.
        role_arn: The role by which the function is reached, if its owner named one.
        external_id: The external id with which the bus assumes that role.
    """

    type: ReducerType
    expression: str | None = None
    function: str | None = None
    role_arn: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class ReducerVersion:
    """A version of the reducer of a category.

    Attributes:
        source: The service whose streams it is for.
        category: The category of the streams.
        number: Its number, from 1 on; no number is used again. 0 is the default.
        reducer: The reducer; None if the category's reducer was removed.
        created_at: When it was registered, RFC 3339.
        created_by: The service that registered it, or `admin`.
    """

    source: str
    category: str
    number: int
    reducer: Reducer | None
    created_at: str
    created_by: str

    @property
    def name(self) -> str:
        """The name of the category's reducer among all reducers."""
        return reducer_name(self.source, self.category)

    @property
    def effective(self) -> Reducer:
        """The reducer; the default if there is none."""
        return self.reducer or DEFAULT


def reducer_name(source: str, category: str) -> str:
    """Returns the name of a reducer among all reducers; neither part contains a `#`."""
    return f"{source}#{category}"


DEFAULT = Reducer("merge")
"""The reducer of categories that have none of their own."""

# Each of them gives another result at another time, or could hide a call of one that does.
_NOT_DETERMINISTIC = frozenset({"now", "millis", "random", "shuffle", "eval"})

_TOKEN = re.compile(
    r""""(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | `[^`]*` | /\*.*?\*/ | \$(?P<name>\w+)""",
    re.VERBOSE | re.DOTALL,
)


def unpredictable_call(expression: str) -> tuple[str, int] | None:
    """Finds a function whose result depends on more than its arguments.

    Args:
        expression: A JSONata expression that can be parsed.

    Returns:
        The name of the first one and its place, in characters from the start; None without any.
    """
    for token in _TOKEN.finditer(expression):
        if token["name"] in _NOT_DETERMINISTIC:
            return f"${token['name']}", token.start()
    return None
