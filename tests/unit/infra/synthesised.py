"""A synthesised app, taken apart for the tests.

The CDK is imported only where it is needed: every worker collects all tests, and it takes seconds.
"""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.built import BUILT, ROOT, files_of, fingerprint, made_once
from localstack.assembly import SOURCES

if TYPE_CHECKING:
    import aws_cdk as cdk

STAGES = ("local", "prod")
"""The stages whose apps most tests look at."""

EVERYTHING = {
    "domain_name": "bus.example.com",
    "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/one",
    "truststore": "s3://authorities/clients.pem",
    "truststore_version": "7",
    "iam_callers": True,
    "cors_origins": "https://app.example.com,http://localhost:3000",
    "callback_networks": "10.1.0.0/16",
    "target_accounts": "210987654321",
    "untagged_targets": "arn:aws:sqs:*:*:old-*,arn:aws:events:eu-west-1:123456789012:event-bus/x",
    "tracing": True,
    "protect": True,
    "log_level": "ERROR",
    "subnet_ids": "subnet-0a1b2c3d,subnet-4e5f6a7b",
    "security_group_ids": "sg-0a1b2c3d",
    "dual_stack": True,
    "warm_writes": 8000,
    "websocket_access_log": True,
    "archive_after_days": 365,
}
"""What may be asked for, and mostly is not."""

CONTEXTS: Mapping[str, Mapping[str, object]] = {
    "local": {},
    "prod": EVERYTHING,
    # No number of the defaults, so that each shows which setting it comes from.
    "dev": {
        "reserve_concurrency": "true",
        "inbox_concurrency": "40",
        "retention_days": "31",
        "audit_retention_days": "366",
        "archive_after_days": "45",
        "log_retention_days": "90",
        "throttling_rate": "2100",
        "throttling_burst": "1100",
        "key_rate": "210",
        "default_receive": "nothing",
        "waiting_requests": "51",
        "service_subscriptions": "101",
        "service_listeners": "102",
        "subscription_metrics": "7",
        "http_lane_concurrency": "54",
        "paced_lane_concurrency": "56",
        "aws_lane_concurrency": "12",
    },
}
"""The context of the app of each stage."""


def listed(value: Any) -> list[Any]:
    """What may stand alone in a template, as a list."""
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True)
class Resource:
    """One resource of a template."""

    stack: str
    name: str
    body: dict[str, Any]

    @property
    def properties(self) -> dict[str, Any]:
        """What is asked of it."""
        properties: dict[str, Any] = self.body.get("Properties", {})
        return properties

    def __str__(self) -> str:
        return f"{self.stack}/{self.name}"


@dataclass(frozen=True)
class Synthesised:
    """A synthesised app.

    Attributes:
        stage: Its stage.
        templates: Its templates, by stack.
        files: The same, as files.
        violations: What cdk-nag found and nobody accepted.
    """

    stage: str
    templates: dict[str, dict[str, Any]]
    files: list[Path]
    violations: list[str]

    @property
    def local(self) -> bool:
        """True for the emulator's app."""
        return self.stage == "local"

    def resources(self, kind: str) -> list[Resource]:
        """All resources of a type, in all stacks."""
        return [
            Resource(stack, name, body)
            for stack, template in self.templates.items()
            for name, body in template["Resources"].items()
            if body["Type"] == kind
        ]

    def functions(self) -> dict[str, Resource]:
        """The functions, by the name of their service."""
        return {
            function.properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: function
            for function in self.resources("AWS::Lambda::Function")
        }

    def statements(self) -> Iterator[tuple[Resource, dict[str, Any]]]:
        """Every statement of every role, with the policy that it is in."""
        for policy in self.resources("AWS::IAM::Policy"):
            for statement in policy.properties["PolicyDocument"]["Statement"]:
                yield policy, statement


def synthesise(stage: str) -> Synthesised:
    """Returns the app of a stage, synthesised once for all processes that test the same sources."""
    folder = _assemblies() / stage
    return taken_apart(stage, folder, _violations(folder / "validation-report.json"))


def taken_apart(stage: str, folder: Path, violations: list[str]) -> Synthesised:
    """Returns the synthesised app of a stage from the folder of its templates."""
    files = sorted(folder.glob("*.template.json"))
    return Synthesised(
        stage=stage, templates=_templates(folder), files=files, violations=violations
    )


def alone(stage: str, stack: str) -> dict[str, Any]:
    """Returns the template of a stack where no other stack imports from it."""
    return _templates(_assemblies() / "alone" / stage / stack)[stack]


def _templates(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        file.name.split(".")[0]: json.loads(file.read_text())
        for file in folder.glob("*.template.json")
    }


def _assemblies() -> Path:
    """Everything that tests synthesise: a process of Node takes most of the time to get going."""
    parts = [*files_of(*(ROOT / source for source in SOURCES), Path(__file__))]
    name = f"tested-{sys.implementation.cache_tag}-{fingerprint(parts)}"
    return made_once(BUILT / "assemblies" / name, _synthesise)


def _synthesise(folder: Path) -> None:
    for stage, context in CONTEXTS.items():
        _synthesise_app(stage, context, folder / stage)
    for stage in STAGES:
        synthesise_alone(stage, folder / "alone" / stage)


def _synthesise_app(stage: str, context: Mapping[str, object], folder: Path) -> None:
    from aws_cdk import Validations
    from cdk_nag import AwsSolutionsChecks

    app = built_app(stage, context, folder)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with contextlib.suppress(RuntimeError):  # the report says what it failed on
        app.synth()


def built_app(stage: str, context: Mapping[str, object], folder: Path) -> "cdk.App":
    """Returns the app of a stage, which is not synthesised yet, into a folder.

    Args:
        stage: The stage.
        context: What the deployment asks for.
        folder: The folder of its templates.
    """
    import aws_cdk as cdk

    from app import build

    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context={**flags, "stage": stage, **context}, outdir=str(folder))
    build(app)
    return app


def synthesise_alone(stage: str, folder: Path) -> None:
    """Synthesises stacks whose exports no other stack imports, each into a folder of its name.

    Args:
        stage: The stage.
        folder: The folder of these folders.
    """
    import aws_cdk as cdk

    from infra.audit import AuditStack
    from infra.bus import BusStack
    from infra.data import DataStack
    from infra.settings import DeploymentSettings

    settings = DeploymentSettings(stage=stage)
    only_data = cdk.App(outdir=str(folder / "Data"))
    DataStack(only_data, "Data", settings=settings)
    without_api = cdk.App(outdir=str(folder / "Bus"))
    data = DataStack(without_api, "Data", settings=settings)
    audit = AuditStack(without_api, "Audit", settings=settings, data=data)
    BusStack(without_api, "Bus", settings=settings, data=data, audit=audit)
    only_data.synth()
    without_api.synth()


def _violations(report: Path) -> list[str]:
    return [
        f"{construct['constructPath']}: {violation['ruleName']}: {violation['description']}"
        for plugin in json.loads(report.read_text())["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]
