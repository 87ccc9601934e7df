"""The process that forks into functions has imported the bus and clients, but no function."""

import subprocess
import sys

from infra.bundling import AWS_SERVICES
from localstack import process_template

_CHECKED = """
import os, sys, threading
import aws_lambda_powertools
import event_bus
from localstack.process_template import import_all

class Watched(type(os.environ)):
    def __getitem__(self, name):
        caller = sys._getframe(1)
        while caller.f_globals["__name__"] in ("os", "collections.abc", "_collections_abc"):
            caller = caller.f_back
        assert not caller.f_globals["__name__"].startswith("event_bus"), caller
        return super().__getitem__(name)

os.environ.__class__ = Watched
import_all(event_bus)
from event_bus.settings import settings

assert {"event_bus.runtime.intake", "event_bus.targets.sqs"} <= sys.modules.keys()
assert "event_bus.emulated" not in sys.modules
assert not settings.cache_info().currsize
assert threading.active_count() == 1
"""


def test_to_import_the_bus_reads_no_setting_and_starts_nothing() -> None:
    subprocess.run([sys.executable, "-c", _CHECKED], check=True, timeout=120)


def test_the_process_has_a_client_of_each_service_that_functions_use() -> None:
    assert set(process_template._SERVICES) == set(AWS_SERVICES)
