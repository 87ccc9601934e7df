"""The documentation's commands and programs work on a deployed bus."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

from infra.built import ROOT
from localstack.bus import LocalBus
from tests.end_to_end.world import World
from tests.ports import free_port
from tests.processes import printed_by
from tests.unit.clients.typescript import compiled
from tests.unit.docs.pages import DOCS, Sample, program_named, samples_of

KEY = "the-key-of-the-shop-in-the-docs"
TUTORIAL = DOCS / "tutorial.md"
EVENTS = (
    {
        "id": "shop:order-1",
        "type": "order.placed",
        "payload": {"total": 250},
        "metadata": {"stream_id": "order/1"},
    },
    {
        "id": "shop:task-1",
        "type": "task.started",
        "payload": {"status": "in_progress"},
        "metadata": {"stream_id": "task/task_123"},
    },
)
RUN = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if page != TUTORIAL and list(samples_of(page, "bash"))
]


@pytest.fixture
def shop(world: World) -> Iterator[dict[str, str]]:
    """The service that the pages speak of, with the variables that they use."""
    admin = world.admin.http
    registered = admin.post(
        "/publishers",
        json={
            "service_id": "shop",
            "name": "The shop",
            "event_types": ["order.*", "task.*"],
            "authentication": {"api_key": KEY},
        },
    )
    assert registered.status_code == 201, registered.text
    try:
        subscribed = admin.post(
            "/subscriptions",
            json={
                "service_id": "shop",
                "event_types": ["order.*"],
                "callback_url": f"http://127.0.0.1:{free_port()}/orders",
            },
        )
        assert subscribed.status_code == 201, subscribed.text
        pulled = admin.post(
            "/subscriptions",
            json={"service_id": "shop", "event_types": ["task.*"], "target": {"type": "pull"}},
        )
        assert pulled.status_code == 201, pulled.text
        for event in EVENTS:
            assert admin.post("/events", json={**event, "source": "shop"}).is_success
        yield {
            "API": world.bus.api_url,
            "ADMIN": world.bus.admin_api_key,
            "KEY": KEY,
            "ID": subscribed.json()["id"],
            "INBOX": pulled.json()["id"],
        }
    finally:
        remove(admin, "shop")


@pytest.fixture
def parties(world: World) -> Iterator[dict[str, str]]:
    """The services that send and handle a command on a page, and the one of the mirror."""
    admin = world.admin.http
    keys = {"analyst": "the-key-of-the-analyst", "generator": "the-key-of-the-generator"}
    for service, key in keys.items():
        registered = admin.post(
            "/publishers",
            json={
                "service_id": service,
                "name": service,
                "event_types": ["command.generate_code"],
                "authentication": {"api_key": key},
            },
        )
        assert registered.status_code == 201, registered.text
    try:
        yield {
            **{f"{service.upper()}_KEY": key for service, key in keys.items()},
            "MIRROR_ARN": world.bus.resources["mirror_arn"],
        }
    finally:
        for service in (*keys, "mirror"):
            remove(admin, service)


def remove(admin: httpx.Client, service: str) -> None:
    """Removes a service with its subscriptions."""
    for each in admin.get("/subscriptions", params={"service_id": service}).json()["items"]:
        admin.delete(f"/subscriptions/{each['id']}")
    admin.delete(f"/publishers/{service}")


def run(page: Path, variables: dict[str, str], folder: Path, replace: dict[str, str]) -> list[str]:
    """Runs the commands of a page one after the other, in one shell.

    Returns:
        What each block has printed.
    """
    blocks = [sample.text for sample in samples_of(page, "bash")]
    answers = folder / "answers"
    script = f"""set -euo pipefail
    # A busy machine needs longer than a reader waits.
    sleep() {{ command sleep $((3 * $1)); }}
    # Notes the status of each answer. What is being built is asked for again.
    curl() {{
      command curl --retry 60 --retry-delay 1 --write-out '%{{stderr}}%{{http_code}}\\n' "$@" \\
        2>>{answers}
    }}
    event-bus() {{ {sys.executable} -m event_bus_client.cli "$@"; }}
    """
    for block in blocks:
        script += f"\necho -- >>{answers}\n{block}\necho; echo ---\n"
    for old, new in replace.items():
        script = script.replace(old, new)
    environment = {**os.environ, **variables}
    printed = printed_by(
        "bash", "-m", "-c", script, folder=ROOT, environment=environment, seconds=300
    )
    answered = [
        [int(status) for status in each.split()] for each in answers.read_text().split("--")[1:]
    ]
    for sample, statuses in zip(samples_of(page, "bash"), answered, strict=True):
        wrong = [each for each in statuses if not str(each).startswith(expected(sample))]
        assert wrong == [], f"{sample}: {statuses}\n{printed}"
    return printed.split("---\n")[:-1]


def expected(sample: Sample) -> str:
    """Returns the first digit of a block's statuses: `4` for `<!-- answers: 422 -->`, else `2`."""
    return sample.marked("answers") or "2"


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(DOCS)))
def test_the_commands_of_a_page_are_answered(
    page: Path,
    shop: dict[str, str],
    parties: dict[str, str],
    bus: LocalBus,
    tmp_path: Path,
) -> None:
    bus.write(tmp_path / "bus.json")
    replace = {
        ".local/bus.json": str(tmp_path / "bus.json"),
        "8099": str(free_port()),
        # Into a folder of the test.
        "> bus.": f"> {tmp_path}/bus.",
    }
    variables = {**shop, **parties, "EVENT_BUS_URL": shop["API"], "EVENT_BUS_API_KEY": shop["KEY"]}
    if page.name in ("targets.md", "send-a-command.md"):
        # Nothing comes that would be worth waiting for.
        replace["wait=20"] = "wait=0"
        variables["ID"] = shop["INBOX"]
    run(page, variables, tmp_path, replace)


def test_the_tutorial_describes_what_happens(bus: LocalBus, tmp_path: Path) -> None:
    bus.write(tmp_path / "bus.json")
    replace = {".local/bus.json": str(tmp_path / "bus.json"), "8099": str(free_port())}
    printed = run(TUTORIAL, {}, tmp_path, replace)
    pulled, failed, event = (_json(printed[place]) for place in (5, 7, 9))
    came = [item["event"]["id"] for item in pulled["items"]]
    assert [each for each in came if each != "tutorial-shop:3"] == [
        "tutorial-shop:1",
        "tutorial-shop:2",
    ]
    [letter] = failed["items"]
    assert letter["error"]["code"] == "connection_refused"
    [billed] = [each for each in event["deliveries"] if each["service_id"] == "tutorial-billing"]
    assert (billed["status"], billed["attempts"]) == ("delivered", 2)
    flow = _json(printed[10])
    assert [each["cause"] for each in flow["events"]] == [None, "tutorial-shop:1"]
    assert "".join(printed).count("received order.placed") == 2
    assert '"pointer":"/type"' in printed[12]


def _json(text: str) -> Any:
    """Returns the JSON document in an output."""
    return json.loads(text[text.index("{") : text.rindex("}") + 1])


def test_the_consumer_of_a_queue_prints_what_comes(shop: dict[str, str], world: World) -> None:
    made = world.with_key(KEY).http.post(
        "/subscriptions",
        json={"event_types": ["order.*"], "target": {"type": "sqs", "managed": True}},
    )
    assert made.status_code == 201, made.text
    environment = {
        "QUEUE_URL": made.json()["target"]["queue_url"],
        "AWS_ENDPOINT_URL": world.bus.endpoint_url,
        "AWS_DEFAULT_REGION": world.bus.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    printed = _printed_after_publishing(program_named("consumer").text, environment, world)
    assert printed == "order.placed {'total': 7}"


def test_the_websocket_client_prints_what_comes(shop: dict[str, str], world: World) -> None:
    environment = {"URL": world.bus.websocket_url, "KEY": KEY}
    printed = _printed_after_publishing(program_named("websocket").text, environment, world)
    assert printed == "order.placed {'total': 7}"


def test_the_program_in_typescript_publishes(
    shop: dict[str, str], world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_BUS_URL", world.bus.api_url)
    monkeypatch.setenv("EVENT_BUS_API_KEY", KEY)
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", os.environ["SSL_CERT_FILE"])
    modules = compiled(tmp_path)
    (modules / "program.mjs").write_text(program_named("typescript").text)
    printed = printed_by("node", "program.mjs", folder=modules).strip()
    event = world.with_key(KEY).http.get(f"/events/{printed}").json()
    assert (event["type"], event["payload"]) == ("order.placed", {"total": 250})


def _printed_after_publishing(program: str, environment: dict[str, str], world: World) -> str:
    """Returns the first line that a program prints while events are published."""
    running = subprocess.Popen(
        [sys.executable, "-u", "-c", program],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    shop = world.with_key(KEY)
    try:
        assert running.stdout is not None
        lines: queue.Queue[str] = queue.Queue()

        def read(output: IO[str]) -> None:
            for line in output:
                lines.put(line)

        threading.Thread(target=read, args=(running.stdout,), daemon=True).start()
        for _ in range(20):
            # If it has not connected yet, the next event is its first one.
            shop.publish("order.placed", {"total": 7})
            with suppress(queue.Empty):
                return lines.get(timeout=2).strip()
        raise AssertionError("it printed nothing")
    finally:
        running.kill()
        running.wait(60)
