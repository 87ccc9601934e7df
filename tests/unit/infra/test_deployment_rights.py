"""The guide to deployment names the services that a deployer and the functions need."""

import re

from infra.built import ROOT
from tests.unit.infra.synthesised import Synthesised, listed

GUIDE = (ROOT / "docs" / "how-to" / "deploy.md").read_text()

PREFIXES = {"ApiGatewayV2": "apigateway"}
"""The prefixes of actions, where they are not the name of the service in lower case."""


def named(after: str, before: str) -> set[str]:
    """The services in backticks between two parts of the guide, also those of single actions."""
    part = GUIDE.split(after)[1].split(before)[0]
    return set(re.findall(r"`([a-z0-9-]+)(?::\w+)?`", part)) - {"tracing"}


def test_the_guide_names_the_services_of_all_resources(app: Synthesised) -> None:
    services = {
        PREFIXES.get(service, service.lower())
        for template in app.templates.values()
        for resource in template["Resources"].values()
        for _, service, _ in [resource["Type"].split("::")]
    }
    # A VPC and a certificate are named by settings, and are no resources of the stacks. The API for
    # IAM callers has a parameter.
    assert named("services that the stacks use:", "API Gateway's access logs") == services | {
        "acm",
        "ec2",
        "ssm",
    }


def test_the_boundary_permits_what_functions_do(app: Synthesised) -> None:
    used = {
        action.split(":")[0]
        for _, statement in app.statements()
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
    }
    permitted = named("what the functions do, with", "If the bootstrap's roles")
    optional = set() if not app.local else permitted & {"ec2", "xray"}
    assert used == permitted - optional
