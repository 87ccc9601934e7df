"""Every target in the registry is whole: tested, documented, and imported only where it is used."""

import ast
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from event_bus.model.target import Target
from event_bus.targets.registry import TARGETS
from event_bus.targets.requests.target_request import TargetRequest
from event_bus.targets.target_type import TargetType

from infra.built import ROOT

TESTS = Path(__file__).parent
CONCEPTS = (ROOT / "docs" / "concepts" / "targets.md").read_text()


def module_of(target: TargetType) -> str:
    return target.settings.__module__.rpartition(".")[2]


def request_of(target: TargetType) -> type[TargetRequest]:
    [found] = {
        request
        for name in TARGETS.types
        if TARGETS.lane_of(name) == target.settings.lane and (request := TARGETS.request_of(name))
    }
    return found


EACH = pytest.mark.parametrize("target", TARGETS.all(), ids=module_of)


@EACH
def test_a_target_has_the_three_tests(target: TargetType) -> None:
    file = TESTS / f"test_{module_of(target)}.py"
    functions = {
        node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)
    }
    assert {"test_validates", "test_formats", "test_delivers"} <= functions


@EACH
def test_a_target_has_a_module_and_one_of_its_request(target: TargetType) -> None:
    assert target.settings.__module__ == f"event_bus.targets.{module_of(target)}"
    assert request_of(target).__module__ == f"event_bus.targets.requests.{module_of(target)}"
    assert issubclass(target.settings, Target)
    assert TARGETS.of_lane(target.settings.lane) is target


@EACH
def test_every_member_of_a_target_is_described(target: TargetType) -> None:
    stored = {each.name for each in fields(target.settings)}
    request = request_of(target)
    asked = set(request.model_fields)
    assert target.members.keys() | {"type"} == stored | asked | request.shown_only


@pytest.mark.parametrize("name", TARGETS.types)
def test_a_type_has_a_row_and_a_section_in_the_docs(name: str) -> None:
    """The test of links makes sure that the section is there."""
    [row] = [line for line in CONCEPTS.splitlines() if line.startswith(f"| [`{name}`](")]
    assert re.match(r"\| \[`\w+`\]\(\.\./reference/(targets\.md#[a-z-]+|webhooks\.md)\) \|", row)


def test_a_type_of_a_later_version_has_a_lane_that_is_not_here() -> None:
    assert TARGETS.lane_of("pigeon") == "pigeon"
    assert "pigeon" not in TARGETS.lanes
    assert TARGETS.request_of("pigeon") is None


def test_a_stored_target_of_a_later_version_is_carried() -> None:
    stored = {"type": "pigeon", "loft": "north", "secret": "rings"}
    read = TARGETS.read(stored)
    assert (read.type, read.lane, read.paced, read.signed) == ("pigeon", "pigeon", False, False)
    assert read.callback_url is None
    assert read.stored() == stored
    # A member may be one that only the later version knows to hide.
    assert read.shown("worker") == {"type": "pigeon"}


def imported(code: str) -> set[str]:
    """The modules that a fresh process imports for some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules, sep='\\n')"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    return set(done.stdout.split())


TRANSPORTS = {f"event_bus.targets.{module_of(each)}" for each in TARGETS.all()}


@EACH
def test_a_stored_target_is_read_without_the_modules_of_others(target: TargetType) -> None:
    lane = target.settings.lane
    modules = imported(f"from event_bus.targets.registry import TARGETS\nTARGETS.of_lane({lane!r})")
    assert TRANSPORTS & modules == {f"event_bus.targets.{module_of(target)}"}
    assert not {"pydantic.main", "event_bus.requests"} & modules


def test_the_registry_is_read_without_boto3() -> None:
    """As the stacks read it, and the functions that only route."""
    modules = imported("from event_bus.targets.registry import TARGETS\nTARGETS.lanes")
    assert not TRANSPORTS & modules
    modules = imported("from event_bus.targets.registry import TARGETS\nTARGETS.all()")
    assert modules >= TRANSPORTS
    assert not {"boto3", "botocore.session", "event_bus.clients"} & modules
