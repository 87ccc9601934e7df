"""A lane's function imports the module of its own target, and of no other."""

import os
import subprocess
import sys

import pytest
from event_bus.queues.message import protocol_and_kind
from event_bus.targets.registry import TARGETS

from infra.built import ROOT
from infra.concurrency import lanes
from infra.tables import TABLES
from tests.aws import TARGETS as OF_AWS

MODULES = {lane: TARGETS.of_lane(lane).settings.__module__ for lane in TARGETS.lanes}


def imported(lane: str) -> set[str]:
    """The modules that a fresh process of a lane's function imports."""
    told = {
        **{table.variable: table.name for table in TABLES},
        "PAYLOADS_BUCKET": "payloads",
        "SEALING_KEY_ARN": "sealing",
        "RETENTION_DAYS": "30",
        "PACED_SHARE": "2",
        "STAGE": "prod",
        "DEFAULT_RECEIVE": "everything",
        "LANE": lane,
        "ENRICH_FUNCTION": "enrich",
        **OF_AWS,
    }
    done = subprocess.run(
        [sys.executable, "-c", "import sys, handler; print(*sys.modules, sep='\\n')"],
        env={
            **os.environ,
            **told,
            "AWS_DEFAULT_REGION": "us-east-1",
            "PYTHONPATH": f"{ROOT / 'functions' / 'deliver'}:{ROOT / 'layers'}",
        },
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("lane", lanes())
def test_a_lane_imports_the_module_of_its_own_target_alone(lane: str) -> None:
    modules = imported(lane)
    assert modules & set(MODULES.values()) == {MODULES[protocol_and_kind(lane)[0]]}
    assert ("event_bus.callbacks.client" in modules) is lane.startswith("http")
    # The code that publishes replies is loaded for the first reply.
    assert "event_bus.publishing.intake" not in modules
    assert "event_bus.api" not in modules
    # What asks sources is in a function of its own.
    enrichment = {each for each in modules if each.startswith("event_bus.enrichment.")}
    assert enrichment == {"event_bus.enrichment.calls"}
