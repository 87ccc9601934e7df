"""The app, deployed onto an emulator."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

from infra.built import ROOT
from infra.cors import cors
from infra.settings import LOCAL
from localstack import programs
from localstack.assembly import assembly
from localstack.bus import LocalBus
from localstack.emulator import ACCOUNT, LOG, REGION, Emulator
from localstack.errors import LocalError, tail
from localstack.opening import opened

_COMMAND_LINE = ROOT / "node_modules" / ".bin" / "cdk"
# Usually the deployment takes less than a minute, and several minutes on a busy machine.
_LONGEST_SECONDS = 1200.0


def deploy(emulator: Emulator) -> LocalBus:
    """Deploys the app, or updates it after a change, and waits until it is ready.

    Args:
        emulator: The emulator.

    Returns:
        The running bus.

    Raises:
        LocalError: The app cannot be synthesised or deployed, or does not become ready.
    """
    outputs = emulator.directory / "outputs.json"
    with ThreadPoolExecutor() as side_by_side:
        bootstrap = side_by_side.submit(_cdk, emulator, "bootstrap", f"aws://{ACCOUNT}/{REGION}")
        app = side_by_side.submit(assembly)
        bootstrap.result()
    _cdk(
        emulator,
        *("deploy", "--all", "--app", str(app.result()), "--outputs-file", str(outputs)),
        *("--require-approval", "never", "--concurrency", "4", "--method", "direct"),
    )
    deployed = {
        name: value
        for stack in json.loads(outputs.read_text()).values()
        for name, value in stack.items()
    }
    return opened(emulator, deployed, LOCAL, cors(["*"]))


def _cdk(emulator: Emulator, *arguments: str) -> None:
    if not _COMMAND_LINE.exists():
        raise LocalError("The CDK command line is not installed; run: make setup")
    environment = {
        **emulator.environment(),
        "CDK_HOME": str(emulator.directory / "cdk"),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }
    done = programs.run(
        [str(_COMMAND_LINE), *arguments, "--no-notices", "--no-color"],
        f"cdk {arguments[0]}",
        _LONGEST_SECONDS,
        # Not in the root folder, where the CDK would read cdk.json and synthesise the app again.
        cwd=emulator.directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise LocalError(
            f"cdk {arguments[0]} failed:\n{done.stdout.strip()}\n\n"
            f"The emulator's log ends with:\n{tail(emulator.directory / LOG)}"
        )
