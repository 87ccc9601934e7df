"""Commands that get wrong arguments say what to give, and show no traceback."""

import ast
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from examples import bus_file
from examples.engineering_day import __main__ as day
from examples.saga import __main__ as saga
from infra.built import ROOT

PROGRAMS = ("benchmarks", "clients", "examples", "infra", "layers", "localstack", "website")
STARTED_BY_THE_PROJECT = {"localstack/process_template.py"}
"""Programs whose arguments the project itself gives."""


def is_argument(node: ast.AST) -> bool:
    """Whether an expression is one argument of the command line, such as `sys.argv[1]`."""
    return (
        isinstance(node, ast.Subscript)
        and ast.unparse(node.value) == "sys.argv"
        and not isinstance(node.slice, ast.Slice)
    )


def test_no_program_takes_an_argument_without_checking_that_it_is_there() -> None:
    found = {
        str(path.relative_to(ROOT))
        for name in PROGRAMS
        for path in (ROOT / name).rglob("*.py")
        if "sys.argv" in (text := path.read_text(encoding="utf-8"))
        and any(map(is_argument, ast.walk(ast.parse(text))))
    }
    assert found == STARTED_BY_THE_PROJECT


@pytest.mark.parametrize(
    ("module", "arguments", "said"),
    [
        ("localstack.package", [], "required: folder"),
        ("examples.listener", [], "required: port"),
        ("examples.listener", ["http"], "argument port: invalid int value"),
        ("tests.mutants.__main__", ["nonsense"], "there is no part nonsense"),
        ("tests.safeguards.__main__", ["nonsense"], "no safeguard has in its name: nonsense"),
        ("tests.simulation.__main__", ["--stories", "nonsense"], "have the subject nonsense"),
        ("tests.simulation.overlap", ["--examples", "0"], "must be at least 1"),
    ],
)
def test_a_command_says_what_is_wrong_with_its_arguments(
    module: str,
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [module, *arguments])
    with pytest.raises(SystemExit) as end:
        importlib.import_module(module).main()
    assert end.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("main", [day.main, saga.main])
@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "There is no file"), ("[project]", "is not a file"), ('{"name": 1}', "is not a file")],
)
def test_an_example_says_that_a_file_describes_no_bus(
    main: Callable[[list[str]], int],
    content: str | None,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "bus.json"
    if content is not None:
        file.write_text(content)
    assert main([str(file)]) == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("main", [day.main, saga.main])
def test_an_example_says_how_to_start_a_bus(
    main: Callable[[list[str]], int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bus_file, "BUS_FILE", tmp_path / "bus.json")
    assert main([]) == 1
    assert "make up" in capsys.readouterr().out
