"""The app, deployed onto an emulator."""

import json
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx

from infra.built import ROOT
from infra.cors import cors
from infra.settings import LOCAL
from localstack.assembly import assembly
from localstack.bus import LocalBus
from localstack.emulator import ACCOUNT, LOG, REGION, Emulator
from localstack.enforcement import make_up
from localstack.errors import LocalError, tail

_READY_SECONDS = 60
_COMMAND_LINE = ROOT / "node_modules" / ".bin" / "cdk"


def deploy(emulator: Emulator) -> LocalBus:
    """Deploys the app and waits until it is ready; once more after a change updates it.

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
    resources = {
        _snake_case(name): value
        for stack in json.loads(outputs.read_text()).values()
        for name, value in stack.items()
        # The others are what the stacks tell each other.
        if not name.startswith("ExportsOutput")
    }
    bus = LocalBus(
        api_url=f"{emulator.endpoint_url}/_aws/execute-api/{resources['api_id']}",
        websocket_url=f"{emulator.endpoint_url.replace('http', 'ws', 1)}/_aws/execute-api/"
        f"{resources['websocket_api_id']}/{LOCAL}",
        admin_api_key="",
        endpoint_url=emulator.endpoint_url,
        region=REGION,
        pid=emulator.pid,
        resources=resources,
    )
    # Not by the template, from which the emulator does not take it; pages here have any port.
    bus.client("apigatewayv2").update_api(ApiId=resources["api_id"], CorsConfiguration=cors(["*"]))
    if emulator.strict:
        make_up(bus)
    secret = bus.client("secretsmanager").get_secret_value(SecretId=resources["admin_secret_arn"])
    bus = replace(bus, admin_api_key=secret["SecretString"])
    _wait_until_ready(emulator, bus)
    return bus


def _cdk(emulator: Emulator, *arguments: str) -> None:
    if not _COMMAND_LINE.exists():
        raise LocalError("The CDK command line is not installed; run: make setup")
    environment = {
        **emulator.environment(),
        "CDK_HOME": str(emulator.directory / "cdk"),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }
    done = subprocess.run(
        [str(_COMMAND_LINE), *arguments, "--no-notices", "--no-color"],
        # Not the root: its cdk.json would be read, and the app synthesised again.
        cwd=emulator.directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LocalError(
            f"cdk {arguments[0]} failed:\n{done.stdout.strip()}\n\n"
            f"The emulator's log ends with:\n{tail(emulator.directory / LOG)}"
        )


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _wait_until_ready(emulator: Emulator, bus: LocalBus) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    answer = "nothing"
    while time.monotonic() < deadline:
        try:
            response = httpx.get(f"{bus.api_url}/health/ready", timeout=30)
        except httpx.TransportError as error:
            answer = repr(error)
        else:
            if response.is_success:
                return
            answer = f"{response.status_code} {response.text}"
        time.sleep(0.2)
    raise LocalError(
        f"The bus is deployed but not ready; it answers: {answer}\n\n"
        f"The emulator's log ends with:\n{tail(emulator.directory / LOG)}"
    )
