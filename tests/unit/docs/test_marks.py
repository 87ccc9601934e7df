"""What comments before samples say for the tests is heard by one."""

import ast
import re
from collections.abc import Iterator

import pytest

from infra.built import ROOT
from tests.unit.docs.pages import CLIENTS, PAGES, Sample, samples, samples_of
from website.command_line import PAGE

MARKS = {
    "answers": {"bash"},
    "continues": {"js", "python"},
    "needs": {"sh"},
    "runs": {"js", "python"},
    "schema": {"json"},
}
"""The names of marks, and the languages of the samples that may have them."""

NEEDS = {
    "AWS": r"\baws |\bcdk |--stage prod",
    "a person": r"\b(login|listen|tail|uvicorn)\b|apply --file",
    "an installation": r"\b(pip|npm) install|\bmake \w|\.venv/bin/python|hatchling build",
    "minutes": r"python -m (tests|benchmarks)\.\w+",
    "resources": r"\b(event-bus|curl|pytest) ",
}
"""Why no test runs a sample of `sh`, and what such a sample has.

`resources` are those of its reader's bus, such as a dead letter, or a file.
"""

LANGUAGES = ("bash", "http", "js", "json", "mermaid", "python", "sh", "sql", "text", "yaml")
MARKED = [each for page in (*PAGES, *CLIENTS) for each in samples_of(page, *LANGUAGES) if each.mark]


def run_by_tests() -> Iterator[str]:
    """Yields the name of each program that a test asks for by `program_named("NAME")`."""
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        text = file.read_text(encoding="utf-8")
        if "program_named(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Call(ast.Name("program_named"), [ast.Constant(str(name))]):
                    yield name


@pytest.mark.parametrize("sample", MARKED, ids=str)
def test_every_mark_is_known(sample: Sample) -> None:
    name, _, value = sample.mark.partition(": ")
    assert sample.language in MARKS.get(name, ()), f"no test reads <!-- {sample.mark} -->"
    assert value


def test_every_program_that_is_marked_is_run_by_a_test() -> None:
    marked = [each.marked("runs") for each in samples("js", "python") if each.marked("runs")]
    assert len(marked) > 10
    assert sorted(marked, key=str) == sorted(set(run_by_tests()))


# The page is made from the program: one example of each command, which its parser reads.
@pytest.mark.parametrize(
    "sample", [each for each in samples("sh") if each.page != str(PAGE.relative_to(ROOT))], ids=str
)
def test_every_sample_that_no_test_runs_says_why(sample: Sample) -> None:
    reason = sample.marked("needs")
    assert reason in NEEDS, f"{sample}: make it `bash`, or put <!-- needs: … --> before it"
    assert re.search(NEEDS[reason], sample.text), f"{sample} does not need {reason}"
