"""The last steps to a running bus, after its stacks are deployed."""

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx

from localstack.bus import LocalBus
from localstack.emulator import LOG, REGION, Emulator
from localstack.enforcement import align_roles
from localstack.errors import LocalError, tail

_READY_SECONDS = 60


def opened(
    emulator: Emulator, outputs: Mapping[str, str], stage: str, cors: Mapping[str, Any]
) -> LocalBus:
    """Completes a deployed bus with what the template cannot set here, and waits until it is ready.

    Args:
        emulator: The emulator.
        outputs: The outputs of the stacks.
        stage: The stage that is deployed.
        cors: Which pages may call the API from browsers, as API Gateway's `CorsConfiguration`.

    Returns:
        The running bus.

    Raises:
        LocalError: It does not become ready.
    """
    resources = {
        _snake_case(name): value
        for name, value in outputs.items()
        # The others are values that one stack exports for another.
        if not name.startswith("ExportsOutput")
    }
    bus = LocalBus(
        api_url=f"{emulator.endpoint_url}/_aws/execute-api/{resources['api_id']}",
        websocket_url=f"{emulator.endpoint_url.replace('http', 'ws', 1)}/_aws/execute-api/"
        f"{resources['websocket_api_id']}/{stage}",
        admin_api_key="",
        endpoint_url=emulator.endpoint_url,
        region=REGION,
        pid=emulator.pid,
        resources=resources,
    )
    # The emulator ignores it in the template. Pages on this machine may have any port.
    bus.client("apigatewayv2").update_api(ApiId=resources["api_id"], CorsConfiguration=cors)
    if emulator.strict:
        align_roles(bus)
    secret = bus.client("secretsmanager").get_secret_value(SecretId=resources["admin_secret_arn"])
    bus = replace(bus, admin_api_key=secret["SecretString"])
    _wait_until_ready(emulator, bus)
    return bus


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
