"""No part of the project waits for something without a bound."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.built import ROOT

PROGRAMS = {f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output")}
WAITS = {"wait", "join", "result", "communicate", "acquire"}
"""Methods whose first argument, or `timeout`, bounds them."""

JUDGED = {
    "clients/python/src/event_bus_client/background.py: self._changed.wait()": "asked for it",
    "clients/python/src/event_bus_client/cli/local.py: subprocess.run": "shows its progress",
    "clients/python/src/event_bus_client/loop_thread.py: future.result()": "its work ends in time",
    "clients/python/src/event_bus_client/receiving.py: work.result()": "its work has ended",
    "clients/python/src/event_bus_client/renewing.py: self._task.result()": "its task has ended",
    "layers/event_bus/callbacks/client.py: self.pools.urlopen()": "`Exchange` bounds it",
    "layers/event_bus/expressions/evaluator.py: child.wait()": "was killed",
    # Botocore's clients have timeouts, and each request to the API has a time limit.
    "layers/event_bus/querying/event_finder.py: reading.result()": "a request to AWS",
    # Both wait for commands of the CDK, which have a bound.
    "localstack/deployment.py: app.result()": "a program with a bound",
    "localstack/deployment.py: bootstrap.result()": "a program with a bound",
    "localstack/function_processes.py: self.process.wait()": "was killed",
    "tests/mutants/__main__.py: subprocess.run": "runs for hours, each test with a bound",
}
"""Waits without a bound, and why they end."""


def waits(file: Path) -> Iterator[str]:
    """The calls in a file that may wait for ever, as far as their names tell."""
    # pytest ends a test that waits in its own thread.
    names = {"join", "communicate"} if file.is_relative_to(ROOT / "tests") else WAITS
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or "timeout" in {each.arg for each in node.keywords}:
            continue
        called = ast.unparse(node.func)
        _, _, name = called.rpartition(".")
        if called in PROGRAMS:
            yield called
        elif name == "urlopen" or (
            isinstance(node.func, ast.Attribute) and name in names and not node.args
        ):
            yield f"{called}()"


@pytest.mark.parametrize(
    "folder", ["clients", "functions", "infra", "layers", "localstack", "tests", "website"]
)
def test_each_wait_has_a_bound_or_a_reason(folder: str) -> None:
    found = {
        f"{file.relative_to(ROOT)}: {each}"
        for file in (ROOT / folder).rglob("*.py")
        if not {".venv", "node_modules"} & set(file.parts)
        for each in waits(file)
    }
    assert found == {each for each in JUDGED if each.startswith(f"{folder}/")}


def test_a_wait_without_a_bound_is_found(tmp_path: Path) -> None:
    file = tmp_path / "waiting.py"
    file.write_text(
        "subprocess.run(['x'], check=True)\nsubprocess.run(['x'], timeout=1)\n"
        "thread.join()\nthread.join(5)\nevent.wait(timeout=2)\nchild.wait()\n', '.join(names)\n"
        "urlopen(url)\nurllib.request.urlopen(url, timeout=3)\n"
    )
    assert list(waits(file)) == [
        *("subprocess.run", "thread.join()", "child.wait()", "urlopen()"),
    ]
