"""A function imports only what it uses before its first call.

Each runs in a fork of a process that has imported the libraries of every function, with the
environment that its stack gives it, up to its first call.
"""

import json
import os
import sys

import pytest

from infra.built import ROOT
from tests.processes import printed_by
from tests.unit.infra.synthesised import synthesise

_DRIVER = """
import importlib, json, os, sys
import aws_lambda_powertools, boto3, concurrent.futures.thread, orjson
for service in ("dynamodb", "sqs", "secretsmanager"):
    boto3.client(service)
known = set(sys.modules)
for name, (folder, environment) in json.load(sys.stdin).items():
    sys.stdout.flush()
    if os.fork() == 0:
        os.environ.update(environment)
        importlib.import_module(f"functions.{folder}.handler")
        print(json.dumps([name, sorted(sys.modules.keys() - known)]), flush=True)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(f"{name} does not start")
"""

LANES = {"deliver_http", "deliver_inbox", "deliver_lambda", "deliver_sqs"}
"""One lane of each kind of transport."""

READ_REQUESTS = {"events", "inbox", "keys", "publish", "recovery", "registry", "socket"}
"""The functions that read what clients send. Pydantic takes them a tenth of a second."""

DESCRIBE = READ_REQUESTS | {"audit_log", "metrics", "status"}
"""The functions whose answers have a shape in the API's description."""

MOST = {
    "audit": 65,
    "audit_log": 65,
    "authorize": 31,
    "enrich": 141,
    "events": 237,
    "inbox": 191,
    "keys": 105,
    "metrics": 115,
    "observe": 58,
    "publish": 111,
    "push": 130,
    "recovery": 150,
    "redrive": 70,
    "registry": 308,
    "replay": 130,
    "route": 118,
    "socket": 150,
    "status": 112,
    "sweep": 132,
    **dict.fromkeys(LANES, 170),
}
"""How many modules of the bus a function may import: about as many as it did when this was written.

Whoever raises a number has looked at what is new, and why a first call must wait for it.
"""

LATE = ("jsonata", "jsonschema_rs", "cryptography", "httpx", "asyncio")
"""Libraries that few calls need; they are imported when one does."""

OF_ITS_FUNCTIONS = {
    "event_bus.api": DESCRIBE - {"socket"},
    "event_bus.requests": READ_REQUESTS,
    "event_bus.targets.requests": {"events", "registry"},
    "event_bus.registry": {"events", "keys", "registry"},
    "event_bus.schemas": set[str](),
    "event_bus.states": {"events", "registry"},
    "event_bus.delivery": LANES | {"enrich"},
    "event_bus.routing": {"route", "replay"},
    "event_bus.publishing": {"inbox", "publish"},
    "pydantic.main": READ_REQUESTS,
    "pydantic_core": DESCRIBE,
    "prometheus_client": {"metrics"},
}
"""The functions that may import a package or a library of some weight."""


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """The modules that each function adds to the libraries of all."""
    asked = {}
    functions = synthesise("local").functions()
    assert {name for name in functions if not name.startswith("deliver_")} == MOST.keys() - LANES
    for name in MOST:
        told = functions[name].properties["Environment"]["Variables"]
        # The start needs no values that only a deployment knows.
        environment = {
            each: value if isinstance(value, str) else "https://example.com/1/x"
            for each, value in told.items()
        }
        asked[name] = ("deliver" if name in LANES else name, environment)
    printed = printed_by(
        *(sys.executable, "-c", _DRIVER),
        given=json.dumps(asked),
        environment={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}:{ROOT / 'layers'}",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        },
        seconds=300,
    )
    return {name: set(found) for name, found in map(json.loads, printed.splitlines())}


def test_a_function_imports_only_what_it_uses(imported: dict[str, set[str]]) -> None:
    own = {
        name: sum(module.startswith("event_bus.") for module in modules)
        for name, modules in imported.items()
    }
    assert {name: count for name, count in own.items() if count > MOST[name]} == {}
    late = {name: modules.intersection(LATE) for name, modules in imported.items()}
    assert {name: found for name, found in late.items() if found} == {}


def test_a_package_is_imported_by_its_functions(imported: dict[str, set[str]]) -> None:
    found = {
        package: {
            name
            for name, modules in imported.items()
            if any(module == package or module.startswith(f"{package}.") for module in modules)
        }
        for package in OF_ITS_FUNCTIONS
    }
    assert found == OF_ITS_FUNCTIONS
