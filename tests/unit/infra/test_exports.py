"""What a stack exports does not depend on what the other stacks import."""

import pytest

from tests.unit.infra.synthesised import CONTEXTS, Synthesised, alone, synthesise


def exports_of(template: dict[str, dict[str, dict[str, object]]]) -> set[str]:
    """The names under which a stack exports something."""
    return {name for name, made in template["Outputs"].items() if "Export" in made}


@pytest.mark.parametrize("stack", ["Data", "Bus"])
def test_every_export_exists_whether_or_not_it_is_imported(app: Synthesised, stack: str) -> None:
    # CloudFormation refuses to take an export back while another stack imports it, and that stack
    # is updated later.
    assert exports_of(app.templates[stack]) == exports_of(alone(app.stage, stack))


@pytest.mark.parametrize("stack", ["Data", "Audit", "Bus", "Api"])
def test_no_setting_changes_what_a_stack_exports(stack: str) -> None:
    # Otherwise CloudFormation would refuse to turn the setting off again.
    first, *others = [exports_of(synthesise(stage).templates[stack]) for stage in CONTEXTS]
    assert first
    assert others == [first] * len(others)
