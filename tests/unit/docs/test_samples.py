"""What the guides show is true: requests can be read, answers are as described, code runs."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import yaml
from event_bus.api.openapi import read_document
from event_bus.api.operations.registry import OPERATIONS
from event_bus.encryption.webhook_signatures import new_secret, signed_headers
from event_bus.errors import InvalidRequest
from event_bus.inbox.messages import ClientMessage
from event_bus.model import circuit
from event_bus.model.retry_policy import DEFAULT_POLICY
from event_bus.requests.event import EventSubmission
from event_bus.requests.validation import read
from event_bus.targets.resources import ROLE_PREFIX

from infra.built import ROOT
from infra.settings import DeploymentSettings
from tests.ports import free_port
from tests.simulation.stories import STORIES
from tests.unit.clients.typescript import modules
from tests.unit.docs.pages import PAGES, Sample, program_named, samples, samples_of
from tests.unit.docs.programs import FOLDER, programs

__all__ = ["modules"]

STATEMENT = {
    "type": "object",
    "required": ["Effect", "Action"],
    "properties": {
        "Effect": {"const": "Allow"},
        "Action": {"type": "string", "pattern": "^[a-z-]+:[A-Z]"},
        "Resource": {"type": "string", "pattern": "^arn:aws:"},
        "Principal": {"type": "object"},
        "Condition": {"type": "object"},
    },
    "additionalProperties": False,
}


@pytest.mark.parametrize("sample", samples("json"), ids=str)
def test_every_sample_of_json_is_of_its_schema(sample: Sample) -> None:
    # Identifiers are abbreviated on the pages.
    value = json.loads(sample.text.replace("01K…", "01K" + 23 * "0"))
    name = sample.marked("schema")
    components = read_document()["components"]
    if name == "iam-statement":
        jsonschema_rs.validate(STATEMENT, value)
    elif name == "socket-request":
        read(ClientMessage, value)
    elif name == "socket-message":
        assert value["type"] in {"subscribed", "events", "error"}
    else:
        assert name in components["schemas"], f"{sample}: put <!-- schema: Name --> before it"
        schema = {"$ref": f"#/components/schemas/{name}", "components": components}
        jsonschema_rs.validate(schema, value)


@pytest.mark.parametrize("sample", samples("python"), ids=str)
def test_every_sample_of_python_compiles(sample: Sample) -> None:
    compile(sample.text, str(sample), "exec")


def test_the_types_in_samples_of_python_are_checked() -> None:
    assert len(programs("python")) == len(samples("python"))
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert str(FOLDER.relative_to(ROOT)) in settings["files"]
    lint = (ROOT / "Makefile").read_text().partition("LINT := ")[2].partition("\n\n")[0]
    assert f"python -m {programs.__module__} && mypy && " in lint.replace("\\\n\t", "")


def test_the_types_in_samples_of_javascript_are_checked(modules: Path) -> None:
    checked = {each.stem for each in (modules / "samples").glob("*.js")}
    assert checked == set(programs("js"))


def test_a_sample_that_continues_another_is_checked_with_it() -> None:
    for language in ("python", "js"):
        for sample, text in zip(samples(language), programs(language).values(), strict=True):
            assert text.endswith(sample.text)
            assert (text != sample.text) == (sample.mark == "continues: above")


@pytest.mark.parametrize("sample", samples("sql"), ids=str)
def test_every_sample_of_sql_runs_and_takes_an_id_once(sample: Sample) -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE seen_events (id TEXT PRIMARY KEY)")
        done = [database.execute(sample.text, {"webhook_id": "order-1"}).rowcount for _ in "12"]
    assert done == [1, 0]


@pytest.mark.parametrize("sample", samples("yaml"), ids=str)
def test_every_sample_of_yaml_can_be_read(sample: Sample) -> None:
    assert yaml.safe_load(sample.text)


def test_every_sample_says_its_language() -> None:
    known = {"bash", "http", "js", "json", "mermaid", "python", "sh", "sql", "text", "yaml"}
    fences = {
        language
        for page in PAGES
        for language in re.findall(r"^```(\S+)$", page.read_text(), re.MULTILINE)
    }
    assert fences <= known


def test_every_setting_is_described() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    table = page.partition("| Setting |")[2].partition("\n\n")[0]
    described = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", table, re.M)))
    assert sorted(described) == sorted(DeploymentSettings.model_fields)


def test_the_function_of_the_guide_answers() -> None:
    names: dict[str, Any] = {}
    exec(program_named("function").text, names)
    event = {"type": "order.placed", "payload": {"total": 250}}
    assert names["handler"](event, None) == {"billed": 250}


def test_every_route_is_in_the_table_of_who_may_do_what() -> None:
    table = (ROOT / "docs" / "reference" / "api" / "README.md").read_text()
    for route in OPERATIONS:
        shown = "GET /health/…" if route.path.startswith("/health/") else route.key
        scope = f"`{route.scope}`" if route.scope else "none: no key is needed"
        assert f"| `{shown}` | {scope}" in table, route.key
        if route.admin:
            assert f"| `{shown}` | {scope} | 403 | yes |" in table, route.key


def test_the_default_waits_are_those_that_are_shown() -> None:
    page = (ROOT / "docs" / "concepts" / "delivery.md").read_text()
    shown = {int(row[0]): float(row[1]) for row in re.findall(r"^\| (\d+) \| (\d+) s", page, re.M)}
    policy = DEFAULT_POLICY
    assert shown.keys() == set(range(1, policy.max_attempts))
    for attempt, wait in shown.items():
        for _ in range(20):
            assert 0.8 * wait <= policy.wait_after(attempt) <= 1.2 * wait, attempt


def test_the_numbers_of_the_circuit_breaker_are_those_that_are_shown() -> None:
    page = (ROOT / "docs" / "concepts" / "circuit-breakers.md").read_text()
    for words in (
        f"{circuit.CONSECUTIVE_FAILURES} attempts in a row",
        f"at least {circuit.LEAST_SAMPLE} attempts within {circuit.WINDOW_SECONDS:g} seconds",
        f"the first {circuit.KNOWN_SECONDS:g} seconds",
        f"{circuit.FIRST_PAUSE_SECONDS:g} seconds at first",
        f"{circuit.LONGEST_PAUSE_SECONDS / 60:g} minutes at most",
    ):
        assert words in page, words


def test_the_sample_of_an_error_is_what_such_a_request_is_told() -> None:
    [sample] = samples_of(ROOT / "docs" / "reference" / "errors.md", "json")
    shown = json.loads(sample.text)
    sent = {
        "type": "order placed",
        "payload": {},
        "metadata": {"retry_count": -1},
        "colour": "red",
    }
    with pytest.raises(InvalidRequest) as refused:
        read(EventSubmission, sent)
    assert refused.value.document() == {
        name: value for name, value in shown.items() if name not in ("instance", "request_id")
    }


def test_the_sample_of_a_receiver_takes_what_is_signed_alone() -> None:
    program = program_named("webhook-receiver").text
    secret, port = new_secret(), free_port()
    body = json.dumps({"type": "order.placed", "payload": {"total": 250}}).encode()
    server = subprocess.Popen(
        [sys.executable, "-u", "-c", program.replace("8080", str(port))],
        env={**os.environ, "SIGNING_SECRET": secret},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        good = signed_headers("order-1", int(time.time()), body, [secret])
        bad = signed_headers("order-1", int(time.time()), body, [new_secret()])
        assert [_posted(port, body, headers) for headers in (good, bad, {})] == [204, 401, 401]
    finally:
        server.terminate()
        printed, _ = server.communicate(timeout=10)
    assert printed == "order.placed {'total': 250}\n"


def _posted(port: int, body: bytes, headers: dict[str, str]) -> int:
    deadline = time.monotonic() + 20
    while True:
        try:
            return httpx.post(f"http://127.0.0.1:{port}", content=body, headers=headers).status_code
        except httpx.ConnectError:
            # It has yet to start.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_roles_of_samples_have_the_prefix_that_the_bus_demands(page: Path) -> None:
    found = re.findall(r"role[-_]arn\W+arn:aws:iam::\d{12}:role/([\w/-]+)", page.read_text())
    assert [each for each in found if not each.split("/")[-1].startswith(ROLE_PREFIX)] == []


def test_the_tests_of_the_threat_model_are_there() -> None:
    page = (ROOT / "docs" / "architecture" / "threat-model.md").read_text()
    rows = [row.split(" | ")[2] for row in page.splitlines() if row.endswith("` |")]
    shown = [part for row in rows for part in row.removesuffix(" |").split(";")]
    assert len(shown) > 100
    for each in shown:
        story = re.fullmatch(r" the simulator's story `(\w+)`", each)
        if story:
            assert story[1] in STORIES
            continue
        files = re.findall(r"`([\w/]+\.py)`", each)
        functions = re.findall(r"`(test_\w+)`", each)
        assert files, each
        for file in files:
            code = (ROOT / "tests" / file).read_text()
            missing = [name for name in functions if f"def {name}(" not in code]
            assert not missing, file
