"""Programs made with the clients, against the deployed bus."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from event_bus_client import (
    AsyncReceiver,
    BackgroundPublisher,
    CommandFailed,
    Conflict,
    Event,
    EventBus,
    NewEvent,
    RetryPolicy,
    TryLater,
    event_type,
)
from event_bus_client.integrations.starlette import endpoint
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World
from tests.flaky_proxy import ConnectionFault, any_fault, flaky
from tests.processes import printed_by
from tests.unit.clients.typescript import compiled
from tests.unit.docs.pages import program_named
from tests.waiting import PATIENCE_SECONDS, at_most, ending, join

CLIENT = Path(__file__).parents[2] / "clients" / "python" / "src"
_HANDSHAKE_BYTES = 5_000
"""More than either side sends before the first request."""

PATIENT = RetryPolicy(attempts=30, first_wait=0.01, longest_wait=0.1)


class TaskCreated(BaseModel):
    title: str


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The URL of an application, until the end of the block."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=5)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        join(thread)


def test_an_application_with_fastapi_handles_each_delivery_once(
    world: World, service: Client, domain: str
) -> None:
    declared = event_type(f"{domain}.created")(TaskCreated)
    # The handshake comes before there is a secret.
    receivers = [AsyncReceiver("whsec_" + "A" * 32)]
    seen: list[tuple[str, str]] = []
    failures: list[Exception] = [TryLater("not yet", seconds=1)]

    async def handle(task: TaskCreated, event: Event) -> None:
        if failures:
            raise failures.pop()
        seen.append((event.id, task.title))

    async def receive(request: Request) -> Response:
        return await endpoint(receivers[-1])(request)

    app = FastAPI()
    app.add_route("/events", receive, methods=["POST", "OPTIONS"])
    with serving(app) as url, EventBus(world.bus.api_url, service.key, timeout=60) as bus:
        target = {"type": "http", "url": f"{url}/events"}
        made = bus.subscriptions.create(event_types=[f"{domain}.*"], target=target, verify=True)
        assert made["verified_at"]
        receivers.append(AsyncReceiver(made["signing_secret"]))
        receivers[-1].on(declared)(handle)
        sent = bus.publish(TaskCreated(title="x"))
        delivery = service.settled(sent.id, made["id"], "delivered")
        assert delivery["attempts"] == 2
        assert seen == [(sent.id, "x")]
        # A replay is a delivery of its own.
        bus.events.replay(sent.id, subscription_id=made["id"])
        eventually(lambda: len(seen) == 2)
        bus.subscriptions.delete(made["id"])


def test_a_command_is_answered_by_whoever_handles_it(world: World) -> None:
    name = f"command.{world.name('bill')}"
    asker, biller = world.publisher(name), world.service()
    with (
        EventBus(world.bus.api_url, asker.key, timeout=60) as asking,
        EventBus(world.bus.api_url, biller.key, timeout=60) as billing,
    ):
        with pytest.raises(Conflict):
            asking.commands.request(name, {"total": 250}, timeout=5)
        made = billing.subscriptions.create(
            event_types=[name], handles=True, target={"type": "pull"}
        )
        inbox = billing.inbox(made["id"])

        def work() -> None:
            for received in inbox.receive(wait_seconds=5):
                total = (received.event.payload or {})["total"]
                if total < 0:
                    billing.commands.reply(received.event.id, error="The total is negative")
                else:
                    billing.commands.reply(received.event.id, {"billed": total})

        working = threading.Thread(target=work)
        working.start()
        try:
            reply = asking.commands.request(name, {"total": 250}, timeout=60)
            assert reply.payload == {"billed": 250}
            with pytest.raises(CommandFailed, match="The total is negative") as failed:
                asking.commands.request(name, {"total": -1}, timeout=60)
            assert failed.value.command.state == "failed"
        finally:
            inbox.stop()
            join(working)
        billing.subscriptions.delete(made["id"])


def test_a_stream_is_appended_to_and_read(world: World, service: Client, domain: str) -> None:
    stream = f"{domain}/1"
    with EventBus(world.bus.api_url, service.key, timeout=60) as bus:
        events = [NewEvent(type=f"{domain}.created", payload={"n": n}) for n in range(3)]
        appended = bus.streams.append(stream, events, expected_version="none")
        assert (appended.version, len(appended.events)) == (3, 3)
        with pytest.raises(Conflict):
            bus.streams.append(stream, events[:1], expected_version=2)
        bus.publish(f"{domain}.created", {"n": 3}, stream={"id": stream, "expected_version": 3})
        read = list(bus.streams.read(stream, limit=3))
        assert [(each.version, each.event.payload) for each in read] == [
            (n + 1, {"n": n}) for n in range(4)
        ]
        last = next(iter(bus.streams.read(stream, backward=True)))
        assert last.version == bus.streams.head(stream)["version"] == 4
        assert [each["stream_id"] for each in bus.streams.list(category=domain)] == [stream]
        assert bus.streams.state(stream).state == {"n": 3}
        caught_up = bus.subscriptions.follow_stream(
            stream, source=appended.source, from_version=2, target={"type": "pull"}
        )
        inbox = bus.inbox(caught_up["id"])
        with (
            closing(inbox.receive()) as received,
            at_most(PATIENCE_SECONDS, inbox.stop, "the three events"),
        ):
            versions = [next(received).event.metadata.stream_version for _ in range(3)]
        assert versions == [2, 3, 4]
        bus.subscriptions.delete(caught_up["id"])
        _keep_states(bus, domain, stream)
        bus.streams.truncate(stream, before=3)
        assert [each.version for each in bus.streams.read(stream)] == [3, 4]


def _keep_states(bus: EventBus, domain: str, stream: str) -> None:
    """Reduces the stream, and keeps its state in a read model."""
    expression = '{"sum": $sum([state.sum, event.payload.n])}'
    assert bus.reducers.put(domain, expression=expression).version == 1
    assert bus.reducers.put(domain, expression=expression).version == 1
    assert [each.category for each in bus.reducers.list()] == [domain]
    assert bus.streams.state(stream).state == {"sum": 6}
    assert bus.read_models.put(domain, ["sum"]).building
    built = eventually(lambda: (found := bus.read_models.get(domain)).building is None and found)
    assert built.serving.indexes == ["sum"]
    [found] = bus.read_models.states(domain, {"sum": 6})
    assert (found.stream_id, found.version, found.failed) == (stream, 4, None)
    assert list(bus.read_models.states(domain, {"sum": 7})) == []
    assert bus.read_models.rebuild(domain).building
    bus.read_models.delete(domain)
    bus.reducers.delete(domain)
    assert [each.type for each in bus.reducers.versions(domain)] == [None, "jsonata"]


CONSUMER = """
import os, signal, sys
from event_bus_client import EventBus, RetryPolicy
url, key, subscription, killed_after, last = sys.argv[1:]
retries = RetryPolicy(attempts=30, first_wait=0.01, longest_wait=0.1)
inbox = EventBus(url, key, retries=retries, timeout=30).inbox(subscription)
for number, received in enumerate(inbox.receive(wait_seconds=2, lease_seconds=2), 1):
    print(received.event.id, flush=True)
    if number == int(killed_after):
        os.kill(os.getpid(), signal.SIGKILL)
    if received.event.payload["n"] == int(last):
        inbox.stop()
"""


def test_nothing_is_lost_or_doubled_through_a_network_that_fails(
    world: World, service: Client, domain: str, tmp_path: Path
) -> None:
    chance, count, away = random.Random(1), 80, threading.Event()

    def fault(_: int) -> ConnectionFault:
        spoiled = any_fault(chance, share=0.2, after=_HANDSHAKE_BYTES)
        return ConnectionFault(refuse=True) if away.is_set() else spoiled

    address = urlsplit(world.bus.api_url)
    server = (address.hostname or "", address.port or 80)
    with (
        EventBus(world.bus.api_url, service.key, timeout=60) as bus,
        flaky(server, fault) as proxy,
    ):
        made = bus.subscriptions.create(
            event_types=[f"{domain}.*"], target={"type": "pull"}, ordered=True
        )
        spoiled = address._replace(netloc=f"{address.hostname}:{proxy.port}").geturl()
        with (
            EventBus(spoiled, service.key, retries=PATIENT, timeout=30) as flaky_bus,
            BackgroundPublisher(flaky_bus, batch_size=10, spool=tmp_path / "spool") as publisher,
        ):
            given = [
                publisher.publish(f"{domain}.created", {"n": n}, metadata={"stream_id": "a/1"})
                for n in range(count)
            ]
            # Like a restart of the bus: requests get no answer.
            away.set()
            assert not publisher.flush(1)
            away.clear()
            assert publisher.flush(300)
        seen = consumed(spoiled, service.key, made["id"], (20, 15, 10**6), count - 1)
        stored = [each.id for each in bus.events.list(type=f"{domain}.*", limit=100)]
        bus.subscriptions.delete(made["id"])
    assert proxy.connections > 5
    assert sorted(stored) == sorted(given)
    # In the order of the stream, each at least once.
    assert list(dict.fromkeys(seen)) == given


def consumed(url: str, key: str, subscription: str, kills: tuple[int, ...], last: int) -> list[str]:
    """Returns the output of consumers that are killed after some events, up to the last event."""
    seen: list[str] = []
    for kill_after in kills:
        running = subprocess.Popen(
            [sys.executable, "-c", CONSUMER, url, key, subscription, str(kill_after), str(last)],
            env={**os.environ, "PYTHONPATH": str(CLIENT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert running.stdout
        with ending(running, 180):
            seen += [line.strip() for line in running.stdout]
            assert running.wait(60) == (0 if kill_after > last else -signal.SIGKILL)
    return seen


TYPESCRIPT = """
import { EventBus, Problem } from "./index.js";
const [url, apiKey, domain] = process.argv.slice(2);
const bus = new EventBus({ url, apiKey, timeout: 60_000 });
const body = { event_types: [`${domain}.*`], target: { type: "pull" } };
const made = await bus.request("POST", "/subscriptions", { body });
const receipt = await bus.publish({ type: `${domain}.created`, payload: { n: 1 } });
const stopping = new AbortController();
const seen = [];
for await (const received of bus.receive(made.id, { signal: stopping.signal })) {
  seen.push(received.event.id);
  stopping.abort();
}
const { payload } = await bus.request("GET", "/events/{id}", { ids: { id: receipt.id } });
let refused;
try {
  await bus.publish({ type: `${domain}.created`, payload: {}, metadata: { retry_count: -1 } });
} catch (error) {
  refused = error instanceof Problem && [error.kind, error.faults[0].pointer];
}
await bus.request("DELETE", "/subscriptions/{id}", { ids: { id: made.id } });
console.log(JSON.stringify({ published: receipt.id, seen, payload, refused }));
"""


def test_the_typescript_client_publishes_and_receives(
    world: World,
    service: Client,
    domain: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", os.environ["SSL_CERT_FILE"])
    modules = compiled(tmp_path)
    (modules / "program.mjs").write_text(TYPESCRIPT)
    told = json.loads(
        printed_by(*("node", "program.mjs", world.bus.api_url, service.key, domain), folder=modules)
    )
    assert told["seen"] == [told["published"]]
    assert told["payload"] == {"n": 1}
    assert told["refused"] == ["invalid-request", "/metadata/retry_count"]


def test_the_quickstart_in_python_runs_as_it_is_written(world: World, tmp_path: Path) -> None:
    (tmp_path / ".local").mkdir()
    world.bus.write(tmp_path / ".local" / "bus.json")
    environment = {**os.environ, "PYTHONPATH": str(CLIENT)}
    program = (sys.executable, "-c", program_named("quickstart").text)
    printed = printed_by(*program, folder=tmp_path, environment=environment)
    received, stored = printed.splitlines()
    assert received == "received total=250"
    assert stored.startswith("stored at ")
    left: Any = world.admin.http.get("/publishers/bakery-in-python")
    assert left.status_code == 404
