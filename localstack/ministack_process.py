"""The emulator's own process: ministack, with fewer costs, more tags and another HTTP server.

- For a condition on tags, ministack looks up the tags of queues, topics and functions by the ARN.
  Here it also looks up those of event buses and state machines, and for a version or an alias those
  of its function.
- It sends messages of any size to WebSocket clients, and keeps any number of them for a client that
  does not read. Here, as on AWS, a message is refused if it is larger than 128 KiB, or if the
  client's buffer is full.
- It does not log what functions print that an API or a schedule calls. Here it does.
- It ignores the batching windows of event source mappings. Here a mapping waits for its window
  after each batch, at most two seconds.

With the argument `attached`, it ends with the process that holds the other end of its input.
"""

import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import hypercorn.asyncio
from ministack.app import main  # type: ignore[import-untyped]
from ministack.services import (  # type: ignore[import-untyped]
    apigateway,
    lambda_svc,
    stepfunctions,
    tagging,
)

sys.path.append(str(Path(__file__).parent.parent))
from localstack import batching_windows, function_output, http_server, ministack_costs

tagging._RESOURCE_TAG_COLLECTORS["events"] = tagging._collect_eventbridge
tagging._RESOURCE_TAG_COLLECTORS["states"] = lambda: (
    (arn, [{"Key": each["key"], "Value": each["value"]} for each in tags])
    for arn, tags in stepfunctions._tags.items()
)
_tags = tagging.resource_tags
tagging.resource_tags = lambda arn: _tags(
    ":".join(arn.split(":")[:7]) if ":lambda:" in arn else arn
)

# The size of the buffer for messages that a WebSocket client has not read yet, in bytes.
_BUFFER = 1024 * 1024
_post = apigateway.handle_connections_api


async def _post_to_connection(
    method: str, api_id: str, stage: str, connection_id: str, body: bytes, *more: Any
) -> Any:
    connection = apigateway._ws_connections.get(connection_id)
    if len(body) > http_server.MAX_MESSAGE_BYTES:
        return _refusal(413, "PayloadTooLargeException")
    if method == "POST" and connection:
        waiting = sum(len(each or "") for each in connection["outbox"]._queue)
        if waiting >= _BUFFER:
            return _refusal(429, "LimitExceededException")
    return await _post(method, api_id, stage, connection_id, body, *more)


def _refusal(status: int, name: str) -> tuple[int, dict[str, str], bytes]:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": name}
    return status, headers, json.dumps({"message": name}).encode()


def _end_with_holder() -> None:
    """Waits for the end of the input, and ends this process, its functions and its files.

    A state that is kept stays as it was last saved.
    """
    os.read(0, 1)
    for folder in ("tmp",) if "PERSIST_STATE" in os.environ else ("tmp", "s3", "state"):
        shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


if sys.argv[1:] == ["attached"]:
    # ministack would read the argument.
    del sys.argv[1:]
    threading.Thread(target=_end_with_holder, daemon=True).start()
apigateway.handle_connections_api = _post_to_connection
lambda_svc._execute_function_with_config_scope = function_output.logged(
    lambda_svc._execute_function_with_config_scope
)
batching_windows.keep()
ministack_costs.reduce()
hypercorn.asyncio.serve = http_server.serve  # type: ignore[assignment]
main()
