"""Commands that no test runs are checked as far as they can be without running them.

Blocks marked `bash` are run by `tests/end_to_end/test_docs.py` and `test_readme.py`. Those marked
`sh` say why none runs them (`test_marks.py`): their syntax is checked here, and that the make
targets, modules, settings and operations of AWS that they name exist. `test_curl_commands.py` and
`test_event_bus_commands.py` check the requests and the commands of `event-bus` in both.
"""

import functools
import importlib.util
import re
import subprocess
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from infra.built import ROOT
from infra.settings import DeploymentSettings
from tests.unit.docs.pages import PAGES, Sample, samples
from tests.unit.docs.shell import joined

_GLOBAL_OPTIONS = {"query", "output", "endpoint-url", "region", "cli-binary-format"}
# Options that the AWS CLI names otherwise than the API.
_RENAMED = {("sns", "subscribe"): {"notification-endpoint"}}
_MAKE = re.compile(r"\bmake ([a-z]+)")
_MODULE = re.compile(r"\bpython3? -m ([\w.]+)")
_SETTING = re.compile(r"(?<= -c )([\w]+)=")
_AWS = re.compile(
    r"\baws ((?:--endpoint-url \S+ )?)([a-z0-9]+) ([a-z0-9-]+)((?:(?!\baws )[^\n|&])*)"
)
_INLINE = re.compile(r"`(aws [^`]+)`")


def _commands() -> list[Sample]:
    inline = [
        Sample(str(page.relative_to(ROOT)), 0, "sh", "", command)
        for page in PAGES
        for command in _INLINE.findall(page.read_text(encoding="utf-8"))
    ]
    return [*samples("sh", "bash"), *inline]


COMMANDS = _commands()


@pytest.mark.parametrize("sample", samples("sh", "bash"), ids=str)
def test_commands_are_valid_shell(sample: Sample) -> None:
    subprocess.run(["bash", "-n"], input=joined(sample.text), text=True, check=True, timeout=60)


@pytest.mark.parametrize("sample", COMMANDS, ids=str)
def test_targets_modules_and_settings_in_commands_exist(sample: Sample) -> None:
    text = joined(sample.text)
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(_MAKE.findall(text)) <= set(targets)
    assert [name for name in _MODULE.findall(text) if not importlib.util.find_spec(name)] == []
    known = set(DeploymentSettings.model_fields) | {"@aws-cdk/core:bootstrapQualifier"}
    assert set(_SETTING.findall(text)) <= known


@pytest.mark.parametrize("sample", [each for each in COMMANDS if _AWS.search(each.text)], ids=str)
def test_calls_of_aws_exist(sample: Sample) -> None:
    for _, service, operation, options in _AWS.findall(joined(sample.text)):
        if (service, operation) == ("s3", "cp"):
            continue
        model = _service(service)
        names = {xform_name(name, "-"): name for name in model.operation_names}
        assert operation in names, f"aws {service} {operation}"
        shape = model.operation_model(names[operation]).input_shape
        members = {xform_name(member, "-") for member in shape.members} if shape else set()
        for option in re.findall(r"--([a-z-]+)", options):
            known = members | _GLOBAL_OPTIONS | _RENAMED.get((service, operation), set())
            assert {option, option.removeprefix("no-")} & known, f"{operation}: --{option}"


@functools.cache
def _service(name: str) -> Any:
    return botocore.session.get_session().get_service_model(name)
