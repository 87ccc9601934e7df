"""The synthesised app for the emulator, built again only when its sources change."""

import json
import os
import sys
from pathlib import Path

from infra.built import BUILT, ROOT, files_of, fingerprint, made_once
from infra.settings import LOCAL
from localstack import programs
from localstack.emulator import ACCOUNT, REGION
from localstack.errors import LocalError

# Each function is a process that shares this machine with all others.
_LANE_CONCURRENCY = 8
# The shortest age, so that the archive can be tried.
_ARCHIVE_AFTER_DAYS = 1
# It may have to install the dependencies first.
_LONGEST_SECONDS = 2400.0
# Where the subscribers of a bus on this machine listen.
_THIS_MACHINE = "127.0.0.0/8,::1/128"

SOURCES = ("app.py", "cdk.json", "requirements.lock", "infra", "functions", "layers")
"""The sources of the app: files and folders of the repository."""


def assembly() -> Path:
    """Returns the cloud assembly of the local stage.

    Returns:
        A folder for `cdk deploy --app`.

    Raises:
        LocalError: The app cannot be synthesised.
    """
    parts = files_of(*(ROOT / source for source in SOURCES), Path(__file__))
    name = f"{LOCAL}-{sys.implementation.cache_tag}-{fingerprint(parts)}"
    return made_once(BUILT / "assemblies" / name, _synthesise)


def _synthesise(folder: Path) -> None:
    deployed = json.loads((ROOT / "cdk.json").read_text())["context"]
    context = {
        **deployed,
        "stage": LOCAL,
        "http_lane_concurrency": _LANE_CONCURRENCY,
        "paced_lane_concurrency": _LANE_CONCURRENCY,
        "callback_networks": _THIS_MACHINE,
        "iam_callers": True,
        "archive_after_days": _ARCHIVE_AFTER_DAYS,
    }
    done = programs.run(
        [sys.executable, "app.py"],
        "The synthesis of the app (app.py)",
        _LONGEST_SECONDS,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": "layers",
            "CDK_OUTDIR": str(folder),
            "CDK_CONTEXT_JSON": json.dumps(context),
            "CDK_DEFAULT_ACCOUNT": ACCOUNT,
            "CDK_DEFAULT_REGION": REGION,
            # No banner for a version of Node that works but is no longer maintained.
            "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20",
        },
        capture_output=True,
    )
    if done.returncode:
        raise LocalError(f"The app cannot be synthesised:\n{done.stderr.strip()}")
