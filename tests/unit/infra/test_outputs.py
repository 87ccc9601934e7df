"""The documentation names every output of the stacks, and none that there is not."""

import re

from infra.built import ROOT
from tests.unit.infra.synthesised import Synthesised


def documented() -> list[tuple[str, str]]:
    """The stacks and outputs in the table of `docs/reference/outputs.md`."""
    text = (ROOT / "docs" / "reference" / "outputs.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.MULTILINE)
    return [(stack, name) for stack, names in rows for name in re.findall(r"`(\w+)`", names)]


def outputs_of(app: Synthesised) -> set[tuple[str, str]]:
    return {
        (stack.lower(), name)
        for stack, template in app.templates.items()
        for name, output in template.get("Outputs", {}).items()
        # Outputs for other stacks are not documented.
        if "Export" not in output
    }


def test_the_table_of_outputs_is_that_of_the_stacks(app: Synthesised) -> None:
    named = documented()
    assert len(named) == len(set(named))
    # Some are there only where a setting asks for them, as the app for AWS here has all of them.
    missing = outputs_of(app) - set(named)
    invented = set() if app.local else set(named) - outputs_of(app)
    assert (missing, invented) == (set(), set())
