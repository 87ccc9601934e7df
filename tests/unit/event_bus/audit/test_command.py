"""The command that verifies the audit log tells a changed log from one that it could not read."""

import inspect
import os
import subprocess
import sys

import pytest
from event_bus.audit.__main__ import verify

from infra.built import ROOT
from infra.settings import DeploymentSettings

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
NOWHERE = {
    **CREDENTIALS,
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_MAX_ATTEMPTS": "1",
}


@pytest.mark.parametrize(
    ("environment", "options", "code", "said"),
    [
        (NOWHERE, ("--stage", "local"), 3, "EndpointConnectionError"),
        (CREDENTIALS, ("--stage", "local"), 3, "NoRegionError"),
        (NOWHERE, (), 2, "--stage"),
        (NOWHERE, ("--stage", "local", "--retention-days", "0"), 2, "--retention-days"),
    ],
)
def test_the_exit_code_says_why_nothing_is_known(
    environment: dict[str, str], options: tuple[str, ...], code: int, said: str
) -> None:
    kept = {name: each for name, each in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-m", "event_bus.audit", *options],
        cwd=ROOT,
        env={
            **kept,
            "PYTHONPATH": "layers",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_the_command_expects_a_log_to_be_kept_as_long_as_deployments_keep_it() -> None:
    setting = DeploymentSettings.model_fields["audit_retention_days"]
    assert inspect.signature(verify).parameters["retention_days"].default == setting.default
