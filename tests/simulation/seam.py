"""The boundary between the code and AWS, where every call may fail."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ConnectionClosedError

_Answer = TypeVar("_Answer")

Interceptor = Callable[[str, str, Callable[[], Any]], Any]
"""Receives the service, the operation, and a function that makes the call."""


Check = Callable[[str, str], None]
"""Receives an action of IAM and the resource that it is about, before the call that needs it."""


def carried_out(_service: str, _operation: str, carry_out: Callable[[], Any]) -> Any:
    """Makes the call without a fault."""
    return carry_out()


def unchecked(_action: str, _resource: str) -> None:
    """Permits everything."""


class _Hooks:
    """The part of a client's events that `tests.faults` uses."""

    def __init__(self) -> None:
        self._hooks: dict[str, list[Callable[..., None]]] = {}

    def __bool__(self) -> bool:
        return bool(self._hooks)

    def register(self, event: str, hook: Callable[..., None]) -> None:
        self._hooks.setdefault(event, []).append(hook)

    def unregister(self, event: str, hook: Callable[..., None]) -> None:
        self._hooks[event].remove(hook)

    def emit(self, event: str, request: Callable[[], Any]) -> None:
        for hook in list(self._hooks.get(event, ())):
            hook(request=request)


class _ServiceId:
    def __init__(self, service: str) -> None:
        self._service = service

    def hyphenize(self) -> str:
        return self._service


@dataclass
class Meta:
    """The part of a client that `tests.faults` uses."""

    service: str
    events: _Hooks = field(default_factory=_Hooks)

    @property
    def service_model(self) -> "Meta":
        return self

    @property
    def service_id(self) -> _ServiceId:
        return _ServiceId(self.service)


class SimulatedClient:
    """The base of the stand-ins: a client whose calls all pass the interceptor.

    Attributes:
        intercept: The interceptor of every call.
        attempts: How often it makes a call whose connection breaks.
        check: Demands that the caller has the right that a call needs.
    """

    service: str

    def __init__(
        self, intercept: Interceptor = carried_out, attempts: int = 1, check: Check = unchecked
    ) -> None:
        self.meta = Meta(self.service)
        self.intercept = intercept
        self.attempts = attempts
        self.check = check

    def call(self, operation: str, carry_out: Callable[[], _Answer]) -> _Answer:
        """Makes one call."""
        for attempt in range(1, self.attempts + 1):
            try:
                if self.meta.events:
                    self.meta.events.emit(f"before-send.{self.service}.{operation}", carry_out)
                answer: _Answer = self.intercept(self.service, operation, carry_out)
            except ConnectionClosedError:
                if attempt == self.attempts:
                    raise
            else:
                return answer
        raise AssertionError("unreachable")


def error(code: str, operation: str, message: str = "", **members: Any) -> ClientError:
    """Makes the error that boto3 raises when AWS refuses a call."""
    answer: Any = {"Error": {"Code": code, "Message": message}, **members}
    return ClientError(answer, operation)
