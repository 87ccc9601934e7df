"""The example, run on the deployed bus."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from examples.engineering_day import cast, day
from examples.engineering_day.bus import Address, Bus, DayError
from examples.engineering_day.registration import NAME
from examples.engineering_day.warm_up import WarmUp
from infra.built import ROOT
from localstack.bus import LocalBus

METRICS = {
    "published": "50  events of 18 types, all stored",
    "matched": "31  deliveries that the bus decided on",
    "filtered out": "4  of a subscribed type, excluded by a filter",
    "signatures verified": "8  by the Python client",
}


RECEIVED = {"callback": 8, "SQS": 8, "pulling": 5, "WebSocket": 10}
"""The number of events that arrive over each protocol."""


def played(file: Path) -> subprocess.CompletedProcess[str]:
    """Runs the example like `make run`, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "examples.engineering_day", str(file)],
        cwd=ROOT,
        env={
            **os.environ,
            "COLUMNS": "60",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'clients' / 'python' / 'src'}",
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def play_without_filters(bus: LocalBus) -> None:
    """Plays the day with subscriptions that match more events than they must."""

    def without_filters(self: Bus, subscription: dict[str, Any]) -> dict[str, Any]:
        return subscribe(self, {**subscription, "filters": {}})

    subscribe = Bus.subscribe
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bus, "subscribe", without_filters)
        # Nobody looks at the times of this day.
        patch.setattr(day, "warm_up", lambda *_: WarmUp(0, 0.0))
        day.play(
            Address(
                bus.api_url,
                bus.admin_api_key,
                bus.websocket_url,
                bus.endpoint_url,
                bus.region,
            ),
            Console(width=100),
        )


def test_an_event_that_matches_wrongly_spoils_the_day_but_not_the_next(
    bus: LocalBus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DayError) as spoilt:
        play_without_filters(bus)
    assert "matched" in str(spoilt.value)
    assert "reached" in str(spoilt.value)
    assert "Nothing was lost" not in capsys.readouterr().out
    file = tmp_path / "bus.json"
    bus.write(file)
    done = played(file)
    assert done.returncode == 0, done.stdout + done.stderr
    for name, value in METRICS.items():
        assert re.search(rf"^  {name} +{re.escape(value)}$", done.stdout, re.M), done.stdout
    for protocol, count in RECEIVED.items():
        assert re.search(
            rf"^  to receipt, {protocol} +\d+ ms  p50; p99 \d+ ms, of {count}$",
            done.stdout,
            re.M,
        ), done.stdout
    assert re.search(r'^  3  .*"completed_by": "developer"}$', done.stdout, re.M), done.stdout
    assert re.search(r"^  delivered +31  in \d+ attempts$", done.stdout, re.M), done.stdout
    assert bus.admin_api_key not in done.stdout
    hops = [line for line in done.stdout.splitlines() if "→" in line]
    # Each delivery, each event excluded by a filter, and each without a subscription.
    assert len(hops) == 31 + 4 + sum("no subscriber" in hop for hop in hops)
    assert max(map(len, hops)) <= 100
    left = Bus(bus.api_url, bus.admin_api_key)
    for role in cast.CAST:
        assert [s for s in left.subscriptions_of(role.service_id) if s["name"] == NAME] == []
    left.close()
    for command in re.findall(r"^  (curl (?:.*\\\n)*.*)$", done.stdout, re.M):
        tried = subprocess.run(
            ["bash", "-c", f"{command} --silent --show-error --fail-with-body"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert tried.returncode == 0, command + tried.stdout + tried.stderr


def test_without_a_bus_it_says_how_to_start_one(tmp_path: Path) -> None:
    done = played(tmp_path / "none.json")
    assert done.returncode == 1
    assert "make up" in done.stdout
