"""Functions make no request to AWS themselves: what does so is built in `runtime`.

Import-linter knows the packages of the layer alone, so it does not check functions.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULES = sorted((Path(__file__).parents[3] / "functions").glob("*/*.py"))
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


@pytest.mark.parametrize("module", MODULES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_function_makes_no_request_to_aws_itself(module: Path) -> None:
    assert _forbidden(module.read_text()) == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_function_imports_only_modules_beside_its_handler_from_functions(module: Path) -> None:
    """On AWS, it has no other functions, and its handler is not in the package `functions`."""
    names = {each.stem for each in module.parent.glob("*.py")} - {"handler"}
    beside = {f"functions.{module.parent.name}.{name}" for name in names}
    imported = {each for each in _imported(module.read_text()) if each.startswith("functions.")}
    assert imported <= beside


@pytest.mark.parametrize(
    "line",
    ["from event_bus.stores.table import Table", "from event_bus import clients", "import boto3"],
)
def test_a_forbidden_import_is_found(line: str) -> None:
    assert len(_forbidden(line)) == 1
