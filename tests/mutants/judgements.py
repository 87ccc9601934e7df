"""The judgements of mutants that no test needs to notice, from `judged.toml`.

A judgement names the function and the lines that the mutant changes. So it ends with these lines,
while the numbers that mutmut gives to mutants shift with every change of a function.
"""

import ast
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.built import ROOT

_FILE = Path(__file__).with_name("judged.toml")
_CLASS = "ǁ"


@dataclass(frozen=True, slots=True)
class MutantChange:
    """What a mutant changes.

    Attributes:
        function: The function, with its module.
        before: The lines of the function that the mutant replaces, without indentation.
        after: The lines in their place; empty if there are none.
    """

    function: str
    before: str
    after: str

    def entry(self, part: str) -> str:
        """Returns an entry of `judged.toml` for this change; its reason is still empty."""
        fields = (("function", self.function), ("before", self.before), ("after", self.after))
        lines = [f"{name} = {_quoted(value)}" for name, value in fields]
        return "\n".join([f"[[{part}]]", *lines, 'reason = ""'])

    def is_stale(self) -> bool:
        """Returns whether the lines that the mutant replaces have left the function."""
        lines = _lines_of(self.function)
        return not all(each in lines for each in self.before.splitlines())


def read() -> dict[str, dict[MutantChange, str]]:
    """The reasons why no test needs to notice certain changes, by the part of the code."""
    return {
        part: {
            MutantChange(each["function"], each["before"], each["after"]): each["reason"]
            for each in entries
        }
        for part, entries in tomllib.loads(_FILE.read_text()).items()
    }


def change_of(mutant: str, diff: str) -> MutantChange:
    """Returns what a mutant changes.

    Args:
        mutant: Its name.
        diff: The unified diff from its function to the mutant.
    """
    lines = [each for each in diff.splitlines() if not each.startswith(("---", "+++"))]
    before, after = (
        "\n".join(each[1:].strip() for each in lines if each.startswith(sign)) for sign in "-+"
    )
    return MutantChange(function_of(mutant), before, after)


def function_of(mutant: str) -> str:
    """Returns the function that a mutant changes, with its module.

    Args:
        mutant: The name of the mutant, such as `event_bus.ids.x_new_id__mutmut_3`, or
            `event_bus.cache.xǁCacheǁget__mutmut_1` for a method.
    """
    module, _, name = mutant.partition("__mutmut_")[0].rpartition(".")
    return f"{module}.{name[2:].replace(_CLASS, '.')}"


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text and not {"'", "\n"} & set(text) else json.dumps(text)


def _lines_of(function: str) -> set[str]:
    """Returns the lines of a function without indentation; none if there is no such function."""
    for root in (ROOT / "layers", ROOT):
        for file, name in _places(root, function.split(".")):
            source = file.read_text()
            found = _functions(ast.parse(source)).get(name)
            if found:
                lines = source.splitlines()[found.lineno - 1 : found.end_lineno]
                return {each.strip() for each in lines}
    return set()


def _places(root: Path, parts: list[str]) -> Iterator[tuple[Path, str]]:
    for length in range(1, len(parts)):
        file = root.joinpath(*parts[:length]).with_suffix(".py")
        if file.is_file():
            yield file, ".".join(parts[length:])


def _functions(module: ast.Module) -> Mapping[str, ast.FunctionDef]:
    found: dict[str, ast.FunctionDef] = {}
    for each in module.body:
        if isinstance(each, ast.FunctionDef):
            found[each.name] = each
        elif isinstance(each, ast.ClassDef):
            methods = [one for one in each.body if isinstance(one, ast.FunctionDef)]
            found |= {f"{each.name}.{one.name}": one for one in methods}
    return found
