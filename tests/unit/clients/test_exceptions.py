"""Every exception of the client can be pickled and copied, as other processes need it."""

import copy
import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import event_bus_client
import pytest
from event_bus_client import Command, EventBusError, Problem
from event_bus_client.cli.bus_file.text import FileFault
from event_bus_client.errors import Fault, problem

AT = datetime(2026, 3, 1, tzinfo=UTC)
COMMAND = Command(
    id="evt_1",
    type="stock.reserve",
    state="failed",
    ended_at=AT,
    error={"title": "Refused", "detail": "none left"},
)
ARGUMENTS: dict[str, Any] = {
    "message": "later",
    "seconds": 7,
    "code": "transform_failed",
    "detail": "no such member",
    "command": COMMAND,
    "faults": [FileFault(2, 1, "/b", "unknown"), FileFault(1, 1, "/a", "unknown")],
    "kind": "invalid-request",
    "status": 422,
    "title": "The request is not valid",
    "request_id": "r1",
    "retry_after": 2.5,
    "document": {"detail": "no such member", "errors": [{"pointer": "/a", "detail": "unknown"}]},
}
"""An argument by the name of the parameter."""


def classes() -> list[type[BaseException]]:
    """The exceptions of the package, those of the command line included."""
    found = set[type[BaseException]]()
    for module in pkgutil.walk_packages(event_bus_client.__path__, "event_bus_client."):
        if not module.name.endswith("__main__"):
            members = vars(importlib.import_module(module.name)).values()
            found.update(
                each for each in members if inspect.isclass(each) if issubclass(each, BaseException)
            )
    return sorted(filter(_is_ours, found), key=lambda each: each.__name__)


def _is_ours(kind: type[BaseException]) -> bool:
    return kind.__module__.startswith("event_bus_client")


def made(kind: type[BaseException]) -> BaseException:
    """An exception with every argument that its constructor takes."""
    if kind.__init__ is Exception.__init__:
        return kind("It failed", 3)
    parameters = inspect.signature(kind).parameters
    values = {name: ARGUMENTS[name] for name in parameters}
    if issubclass(kind, Problem):
        values["faults"] = (Fault("/a", "unknown"),)
        return kind(**values)
    return kind(*values.values())


WAYS: list[Callable[[Any], Any]] = [
    copy.copy,
    copy.deepcopy,
    *(
        lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ),
]


def agree(error: BaseException, again: BaseException) -> Iterator[bool]:
    yield again is not error
    yield type(again) is type(error)
    yield str(again) == str(error)
    yield repr(again) == repr(error)
    yield again.args == error.args
    yield vars(again) == vars(error)


def test_the_exceptions_are_found() -> None:
    names = {each.__name__ for each in classes()}
    assert {"EventBusError", "InvalidRequest", "TryLater", "CommandNotEnded"} <= names
    assert {"InvalidFile", "Ended"} <= names
    assert len(names) >= 30


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_an_exception_is_the_same_again(
    kind: type[BaseException], way: Callable[[Any], Any]
) -> None:
    error = made(kind)
    assert all(agree(error, way(error)))


@pytest.mark.parametrize("way", WAYS)
def test_the_problem_of_an_answer_is_the_same_again(way: Callable[[Any], Any]) -> None:
    error = problem(
        409,
        {"type": "urn:problem:version-conflict", "title": "Conflict", "actual_version": 4},
        request_id="r2",
    )
    again = way(error)
    assert all(agree(error, again))
    assert again.actual_version == 4
    assert isinstance(way(problem(500, {"message": "Internal Server Error"})), Problem)


class Own(EventBusError):
    """An exception of a user, with other arguments than its message."""

    def __init__(self, order: str, *, amount: int) -> None:
        super().__init__(f"{order}: {amount}")
        self.amount = amount


@pytest.mark.parametrize("way", WAYS)
def test_an_exception_of_a_user_is_the_same_again(way: Callable[[Any], Any]) -> None:
    error = Own("A-17", amount=3)
    assert all(agree(error, way(error)))
