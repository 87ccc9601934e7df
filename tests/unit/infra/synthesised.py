"""A synthesised app, taken apart for the tests.

The CDK is imported only where it is needed: every worker collects all tests, and it takes seconds.
"""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from event_bus.targets.registry import TARGETS

from infra.built import BUILT, ROOT, files_of, fingerprint, made_once
from localstack.assembly import SOURCES

PROTOCOLS = TARGETS.lanes
PACED = tuple(each for each in PROTOCOLS if TARGETS.of_lane(each).settings.paced)
"""The protocols that have a lane for slow and limited subscriptions, too."""

LANE_NAMES = (*PROTOCOLS, *(f"{protocol}_paced" for protocol in PACED))
LANES = {f"deliver_{name}" for name in LANE_NAMES}
"""The functions that deliver, one for each lane."""


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


def synthesise(stage: str, context: Mapping[str, object]) -> Synthesised:
    """Synthesises the app, once for all processes that run tests of the same sources.

    Args:
        stage: The stage.
        context: Further settings.
    """
    asked = json.dumps({**context, "stage": stage}, sort_keys=True)
    parts = [asked.encode(), *files_of(*(ROOT / source for source in SOURCES), Path(__file__))]
    name = f"tested-{stage}-{sys.implementation.cache_tag}-{fingerprint(parts)}"
    folder = made_once(BUILT / "assemblies" / name, partial(_synthesise, stage, context))
    files = sorted(folder.glob("*.template.json"))
    return Synthesised(
        stage=stage,
        templates={file.name.split(".")[0]: json.loads(file.read_text()) for file in files},
        files=files,
        violations=_violations(folder / "validation-report.json"),
    )


def _synthesise(stage: str, context: Mapping[str, object], folder: Path) -> None:
    import aws_cdk as cdk
    from aws_cdk import Validations
    from cdk_nag import AwsSolutionsChecks

    from app import build

    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context={**flags, "stage": stage, **context}, outdir=str(folder))
    build(app)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with contextlib.suppress(RuntimeError):  # the report says what it failed on
        app.synth()


def _violations(report: Path) -> list[str]:
    return [
        f"{construct['constructPath']}: {violation['ruleName']}: {violation['description']}"
        for plugin in json.loads(report.read_text())["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]
