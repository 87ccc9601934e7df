"""Lambda in memory: functions of the bus that another function invokes synchronously."""

import io
from collections.abc import Callable
from typing import Any

import orjson

from tests.simulation.seam import Check, Interceptor, SimulatedClient, carried_out, unchecked

Call = Callable[[str, dict[str, Any]], tuple[bool, Any]]
"""Calls a function; returns whether it succeeded, and its answer."""


class MemoryFunctions(SimulatedClient):
    """A stand-in for the client of Lambda."""

    service = "lambda"

    def __init__(
        self, call: Call, intercept: Interceptor = carried_out, check: Check = unchecked
    ) -> None:
        super().__init__(intercept, check=check)
        self._call = call

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        """Calls a function, and waits for its result."""
        assert InvocationType == "RequestResponse"
        self.check("lambda:InvokeFunction", FunctionName)

        def carry_out() -> dict[str, Any]:
            ended_well, answer = self._call(FunctionName, orjson.loads(Payload))
            body = io.BytesIO(orjson.dumps(answer))
            return {"Payload": body} if ended_well else {"Payload": body, "FunctionError": "Exit"}

        return self.call("Invoke", carry_out)
