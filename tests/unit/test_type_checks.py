"""The types of every library that the project imports are checked."""

import ast
import sysconfig
import tomllib
from fnmatch import fnmatch
from pathlib import Path

from infra.built import ROOT

CODE = ("app.py", "infra", "functions", "layers", "localstack", "tests", "benchmarks")


def _imported(library: str) -> set[str]:
    """The modules of a library that the project imports."""
    found = set()
    for folder in CODE:
        place = ROOT / folder
        for file in [place] if place.is_file() else place.rglob("*.py"):
            text = file.read_text()
            if library not in text:
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Import):
                    found |= {each.name for each in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return {each for each in found if each == library or each.startswith(f"{library}.")}


def test_every_imported_module_of_a_large_library_is_read() -> None:
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    [skipped] = [each["module"] for each in overrides if each.get("follow_imports") == "skip"]
    [read] = [each["module"] for each in overrides if each.get("follow_imports") == "normal"]
    for library in (each.removesuffix(".*") for each in skipped):
        modules = {each for each in _imported(library) if _is_module(each)}
        assert modules
        missing = {each for each in modules if not any(fnmatch(each, known) for known in read)}
        assert missing == set()


def _is_module(name: str) -> bool:
    """Whether a dotted name is a module, and not a member of one."""
    *path, last = name.split(".")
    place = Path(sysconfig.get_path("purelib"), *path)
    return (place / f"{last}.py").is_file() or (place / last / "__init__.py").is_file()
