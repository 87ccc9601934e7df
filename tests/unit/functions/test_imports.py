"""Handlers make no request to AWS themselves: what does so is built in `runtime`.

Import-linter knows the packages of the layer alone, so it does not check handlers.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HANDLERS = sorted((Path(__file__).parents[3] / "functions").glob("*/handler.py"))
ELSEWHERE = ("boto3", "botocore", "event_bus.clients", "event_bus.stores.table", "infra", "tests")
"""What only `runtime`, the stores and the deployment import."""


def _imported(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{each.name}" for each in node.names)


def _forbidden(code: str) -> list[str]:
    return [
        name
        for name in _imported(code)
        if any(f"{name}.".startswith(f"{each}.") for each in ELSEWHERE)
    ]


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda path: path.parent.name)
def test_a_handler_makes_no_request_to_aws(handler: Path) -> None:
    assert _forbidden(handler.read_text()) == []


@pytest.mark.parametrize(
    "line",
    ["from event_bus.stores.table import Table", "from event_bus import clients", "import boto3"],
)
def test_a_handler_that_does_is_found(line: str) -> None:
    assert len(_forbidden(line)) == 1
