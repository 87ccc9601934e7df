"""One version: the service, its clients, its API and the documents name the same."""

import json
import re
import tomllib
from typing import Any

import event_bus_client
import pytest
from event_bus.api.openapi import read_document
from event_bus.version import USER_AGENT as CALLBACKS
from event_bus.version import VERSION
from event_bus_client.calls import USER_AGENT

from infra.built import ROOT
from localstack.package import _project
from tests.unit.clients.command_line import ScriptedBus, run

CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
WEBHOOKS = (ROOT / "docs" / "reference" / "webhooks.md").read_text()
UPGRADE = (ROOT / "docs" / "how-to" / "upgrade.md").read_text()


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _project_of(path: str) -> Any:
    return tomllib.loads((ROOT / path).read_text())["project"]["version"]


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("the repository", _project_of("pyproject.toml")),
        ("the Python client", _project_of("clients/python/pyproject.toml")),
        (
            "the TypeScript client",
            json.loads((ROOT / "clients/typescript/package.json").read_text())["version"],
        ),
        ("the distribution", tomllib.loads(_project())["project"]["version"]),
        ("OpenAPI", read_document()["info"]["version"]),
        ("user-agent", USER_AGENT.rpartition("/")[2]),
        ("the Python client, imported", event_bus_client.__version__),
    ],
)
def test_each_place_names_the_version(place: str, found: str) -> None:
    assert found == VERSION, place


def test_requests_to_callbacks_name_the_major_version_in_one_place() -> None:
    assert f"event-bus/{VERSION.split('.')[0]}" == CALLBACKS
    assert f"\nuser-agent: {CALLBACKS}\n" in WEBHOOKS
    code = (ROOT / "layers" / "event_bus").rglob("*.py")
    assert [each.name for each in code if f'"{CALLBACKS}"' in each.read_text()] == []


def test_the_command_line_prints_the_version() -> None:
    assert run(ScriptedBus(), "--version").stdout == f"event-bus {VERSION}\n"
    assert json.loads(run(ScriptedBus(), "--version", "--json").stdout) == {"version": VERSION}


def test_the_changelog_lists_the_versions_from_the_latest_on() -> None:
    headings = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    versions = headings[headings[0] == "Unreleased" :]
    assert versions[0] == VERSION
    assert versions == sorted(set(versions), key=_number, reverse=True)


def test_steps_are_of_versions_in_the_changelog() -> None:
    steps = re.findall(r"^### To (.+)$", UPGRADE.partition("## Steps by version")[2], re.MULTILINE)
    assert steps
    assert steps == sorted(steps, key=_number, reverse=True)
    for version in steps:
        assert f"\n## {version}\n" in CHANGELOG
        assert f"upgrade.md#to-{version.replace('.', '')}" in CHANGELOG
