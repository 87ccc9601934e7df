"""A Lambda function that folds, and what its calls end with."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from botocore.exceptions import ClientError
from event_bus.model.reducer import Reducer
from event_bus.states.function_reducing import FunctionReducers
from event_bus.states.reducing import NumberedEvent

from tests.builders import event

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:fold:3"
ROLE = "arn:aws:iam::000000000000:role/event-bus-fold"
FOLD = Reducer("lambda", function=FUNCTION)


def fold(called: dict[str, Any]) -> Any:
    """The function: it adds `n` up, and fails where that is no number."""
    made = called["state"]
    for each in called["events"]:
        made = {"total": made.get("total", 0) + each["payload"]["n"], "last": each["version"]}
    return made


@dataclass
class Lambda:
    """The clients of Lambda, and a function.

    Attributes:
        function: The function.
        faults: What the next calls end with, instead of the function.
        seconds: How long a call takes.
        calls: The versions that each call was made with.
        roles: The roles by which calls were made.
    """

    function: Callable[[dict[str, Any]], Any] = fold
    faults: list[Exception] = field(default_factory=list)
    seconds: float = 0.0
    calls: list[list[int]] = field(default_factory=list)
    roles: list[Any] = field(default_factory=list)
    now: float = 0.0

    @property
    def reducers(self) -> FunctionReducers:
        return FunctionReducers(cast("Any", self), lambda: self.now)

    def by_role(self, role_arn: str | None, external: str, seconds: float) -> Any:
        self.roles.append((role_arn, external, seconds))
        return self

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> Any:  # noqa: N803
        assert (FunctionName, InvocationType) == (FUNCTION, "RequestResponse")
        called = orjson.loads(Payload)
        self.calls.append([each["version"] for each in called["events"]])
        self.now += self.seconds
        if self.faults:
            raise self.faults.pop(0)
        try:
            made = self.function(called)
        except TypeError as error:
            said = {"errorType": "TypeError", "errorMessage": f"a secret: {error}"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(orjson.dumps(said))}
        return {"Payload": io.BytesIO(made if isinstance(made, bytes) else orjson.dumps(made))}


def events(*numbers: Any) -> list[NumberedEvent]:
    return [NumberedEvent(n, event(payload={"n": each})) for n, each in enumerate(numbers, 1)]


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret"}}, "Invoke")
