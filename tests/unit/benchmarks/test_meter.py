"""What functions log is counted, also in a process that is forked from one with another log."""

import json
import subprocess
import sys
from pathlib import Path

import benchmarks.metered

_INSIDE = Path(benchmarks.metered.__file__).parent / "inside"
_LOGGING = """
from event_bus.log import logger

def handler(event, context):
    logger.info("event matched", matched=event["matched"])
"""
# The emulator's processes import the bus before they know their function.
_FORKED = """
import os, sys
import event_bus.log
os.environ.update(POWERTOOLS_SERVICE_NAME="route", METERED_HANDLER="handler.handler")
import meter
meter.handler({"matched": 3}, None)
meter.handler({"matched": 14}, None)
"""


def test_what_a_function_logs_is_counted(tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_text(_LOGGING)
    measured = tmp_path / "calls"
    done = subprocess.run(
        [sys.executable, "-c", _FORKED],
        env={
            "METERED_FILE": str(measured),
            "METERED_NAME": "route",
            "PYTHONPATH": ":".join([str(tmp_path), str(_INSIDE), *sys.path]),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = done.stdout.splitlines(keepends=True)
    assert [json.loads(line)["matched"] for line in lines] == [3, 14]
    assert {json.loads(line)["service"] for line in lines} == {"route"}
    calls = [json.loads(line) for line in measured.read_text().splitlines()]
    assert [call["logged"] for call in calls] == [len(line) for line in lines]
