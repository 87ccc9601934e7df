"""What a stack exports does not depend on what the other stacks import."""

import pytest

from tests.unit.infra.synthesised import Synthesised, alone


def exports_of(template: dict[str, dict[str, dict[str, object]]]) -> set[str]:
    """The names under which a stack exports something."""
    return {name for name, made in template["Outputs"].items() if "Export" in made}


@pytest.mark.parametrize("stack", ["Data", "Bus"])
def test_every_export_exists_whether_or_not_it_is_imported(app: Synthesised, stack: str) -> None:
    # CloudFormation refuses to take an export back while another stack imports it, and that stack
    # is updated later.
    assert exports_of(app.templates[stack]) == exports_of(alone(app.stage, stack))
