"""Files and functions are short, and named for their subject.

A longer one is divided, or named here with the reason. A test may follow one long scenario, so
only the files of tests are measured.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.built import ROOT

FOLDERS = (
    "layers/event_bus",
    "infra",
    "functions",
    "clients/python/src",
    "clients/typescript",
    "localstack",
    "examples",
    "benchmarks",
    "website",
    "tests",
)
FILE_LINES = 400
FUNCTION_LINES = 60
SUFFIXES = {".py", ".ts", ".js", ".mjs"}
VAGUE = {"common", "helper", "helpers", "misc", "stuff", "util", "utils"}

LONG: dict[str, str] = {}
"""Why a file or function is longer, by `path` or `path:function`."""


GENERATED = re.compile(r"(^|/)(node_modules|dist)/|^clients/typescript/src/schema\.ts$")
"""What `npm install` makes in a folder: see `clients/typescript/.gitignore`."""


def sources() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in SUFFIXES and not GENERATED.search(str(path.relative_to(ROOT))):
                yield path


def long_parts(name: str, text: str) -> Iterator[str]:
    """Yields the file if it is too long, and each function of it that is."""
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        yield name
    if name.endswith(".py") and not name.startswith("tests/") and lines > FUNCTION_LINES:
        yield from (f"{name}:{each}" for each in _long_functions(ast.parse(text)))


def _long_functions(parent: ast.AST) -> Iterator[str]:
    for node in getattr(parent, "body", ()):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.name
        elif isinstance(node, ast.stmt):
            yield from _long_functions(node)


def test_files_and_functions_are_short() -> None:
    found = {
        part
        for path in sources()
        for part in long_parts(str(path.relative_to(ROOT)), path.read_text("utf-8"))
    }
    assert found == set(LONG)


def test_files_are_named_for_their_subject() -> None:
    assert not [
        str(path)
        for path in sources()
        if VAGUE & set(re.split(r"\W|_", str(path.relative_to(ROOT)).lower()))
    ]


@pytest.mark.parametrize(
    ("path", "generated"),
    [
        ("clients/typescript/dist/schema.d.ts", True),
        ("clients/typescript/src/schema.ts", True),
        ("clients/typescript/src/client.ts", False),
        ("website/node_modules/a/b.js", True),
        ("infra/distribution.py", False),
    ],
)
def test_generated_files_are_not_read(path: str, generated: bool) -> None:
    assert bool(GENERATED.search(path)) is generated


def test_each_folder_is_read() -> None:
    read = [str(path.relative_to(ROOT)) for path in sources()]
    assert all(any(name.startswith(folder) for name in read) for folder in FOLDERS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a = 1\n" * 400, []),
        ("a = 1\n" * 401, ["x.py"]),
        ("def f():\n" + "    a = 1\n" * 59, []),
        ("def f():\n" + "    a = 1\n" * 60, ["x.py:f"]),
        ("class A:\n    async def f(self):\n" + "        a = 1\n" * 60, ["x.py:f"]),
    ],
)
def test_long_files_and_functions_are_found(text: str, found: list[str]) -> None:
    assert list(long_parts("x.py", text)) == found
