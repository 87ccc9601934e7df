"""What a stack exports does not depend on what the other stacks import."""

import pytest

from infra.settings import Settings
from tests.unit.infra.synthesised import Synthesised


def exports_of(template: dict[str, dict[str, dict[str, object]]]) -> set[str]:
    """The names under which a stack exports something."""
    return {name for name, made in template["Outputs"].items() if "Export" in made}


@pytest.fixture(scope="module")
def alone(app: Synthesised) -> dict[str, set[str]]:
    """The exports of stacks that no other stack imports from."""
    # Every worker collects all tests, and the CDK takes seconds.
    import aws_cdk as cdk

    from infra.audit import AuditStack
    from infra.bus import BusStack
    from infra.data import DataStack

    settings = Settings(stage=app.stage)
    only_data = cdk.App()
    DataStack(only_data, "Data", settings=settings)
    without_api = cdk.App()
    data = DataStack(without_api, "Data", settings=settings)
    audit = AuditStack(without_api, "Audit", settings=settings, data=data)
    BusStack(without_api, "Bus", settings=settings, data=data, audit=audit)
    templates = {
        name: made.synth().get_stack_by_name(settings.stack_name(name)).template
        for made, name in ((only_data, "Data"), (without_api, "Bus"))
    }
    return {name: exports_of(template) for name, template in templates.items()}


@pytest.mark.parametrize("stack", ["Data", "Bus"])
def test_every_export_exists_whether_or_not_it_is_imported(
    app: Synthesised, alone: dict[str, set[str]], stack: str
) -> None:
    # CloudFormation refuses to take an export back while another stack imports it, and that stack
    # is updated later.
    assert exports_of(app.templates[stack]) == alone[stack]
