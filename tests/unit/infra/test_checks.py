"""What others check: cdk-nag's rules for AWS solutions, and CloudFormation's own by cfn-lint."""

import json
from functools import partial
from importlib.metadata import version
from pathlib import Path

from infra.built import BUILT, fingerprint, made_once
from tests.unit.infra.synthesised import Synthesised


def test_cdk_nag_finds_nothing_that_was_not_accepted(app: Synthesised) -> None:
    assert app.violations == []


def test_cfn_lint_finds_nothing(app: Synthesised) -> None:
    found = [f"{file.name}: {each}" for file in app.files for each in linted(file.read_text())]
    assert found == []


def linted(template: str) -> list[str]:
    """Returns what cfn-lint finds in a template, which it checks once: that takes seconds."""
    parts = template, version("cfn-lint"), Path(__file__).read_text()
    name = f"linted-{fingerprint(each.encode() for each in parts)}"
    folder = made_once(BUILT / "assemblies" / name, partial(_lint, template))
    found: list[str] = json.loads((folder / "found.json").read_text())
    return found


def _lint(template: str, folder: Path) -> None:
    # Every worker collects all tests, and this takes seconds.
    import cfnlint.api  # type: ignore[import-untyped]
    from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

    # The CDK names dependencies that a reference implies already.
    arguments = ManualArgs(regions=["us-east-1", "eu-central-1"], ignore_checks=["W3005"])
    found = [
        f"{match.rule.id} {match.message} at {match.path}"
        for match in cfnlint.api.lint(template, config=arguments)
    ]
    folder.mkdir()
    (folder / "found.json").write_text(json.dumps(found))
