"""The client over real sockets through a network that fails: nothing doubles, nothing is lost."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from event_bus_client import BackgroundPublisher, ConnectionFailed, EventBus, RetryPolicy

from tests.flaky_proxy import ConnectionFault, FlakyProxy, any_fault, flaky
from tests.unit.clients.http_bus import HttpBus, serving
from tests.waiting import at_most, ending

CLIENT = Path(__file__).parents[3] / "clients" / "python" / "src"
PATIENT = RetryPolicy(attempts=30, first_wait=0.002, longest_wait=0.02)


@contextmanager
def failing_network(bus: HttpBus, chance: random.Random) -> Iterator[tuple[FlakyProxy, EventBus]]:
    """A proxy before a bus that breaks connections by chance, and a client that reaches it."""
    with (
        serving(bus) as port,
        flaky(("127.0.0.1", port), lambda _: any_fault(chance)) as proxy,
        EventBus(f"http://127.0.0.1:{proxy.port}", retries=PATIENT, timeout=5) as client,
    ):
        yield proxy, client


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_publisher_doubles_nothing_and_loses_nothing(seed: int) -> None:
    bus, chance = HttpBus(), random.Random(seed)
    with failing_network(bus, chance) as (proxy, client):
        receipts = [
            client.publish("order.placed", {"n": n, "text": "x" * chance.randrange(3_000)})
            for n in range(150)
        ]
    assert proxy.connections > 20
    assert bus.repeated > 0
    assert [each.id for each in receipts] == list(bus.stored)
    assert [each["payload"]["n"] for each in bus.stored.values()] == list(range(150))


@pytest.mark.parametrize("seed", [4, 5])
def test_a_background_publisher_keeps_the_order_through_faults(seed: int) -> None:
    bus, chance = HttpBus(), random.Random(seed)
    with (
        failing_network(bus, chance) as (proxy, client),
        BackgroundPublisher(client, batch_size=7, flush_seconds=0.001) as publisher,
    ):
        given = [publisher.publish("order.placed", {"n": n}) for n in range(500)]
        assert publisher.flush(60)
    assert proxy.connections > 5
    assert list(bus.stored) == given


def test_ten_thousand_events_are_published_in_the_background() -> None:
    bus = HttpBus()
    with (
        serving(bus) as port,
        EventBus(f"http://127.0.0.1:{port}") as client,
        BackgroundPublisher(client, queue_size=2_000) as publisher,
    ):
        given = [publisher.publish("order.placed", {"n": n}) for n in range(10_000)]
        assert publisher.flush(60)
    assert list(bus.stored) == given


def test_a_bus_that_restarts_loses_no_event_of_the_background_publisher(tmp_path: Path) -> None:
    bus = HttpBus()
    quick = RetryPolicy(attempts=2, first_wait=0.01)
    with serving(bus) as port:
        client = EventBus(f"http://127.0.0.1:{port}", retries=quick)
        publisher = BackgroundPublisher(client, spool=tmp_path / "spool", flush_seconds=0.001)
        given = [publisher.publish("order.placed", {"n": n}) for n in range(200)]
        bus.failing = True
        given += [publisher.publish("order.placed", {"n": n}) for n in range(200, 300)]
    # It refuses connections now.
    given += [publisher.publish("order.placed", {"n": n}) for n in range(300, 400)]
    bus.failing = False
    with serving(bus, port):
        assert publisher.flush(60)
        assert publisher.close()
    assert list(bus.stored) == given
    client.close()


def test_a_publisher_without_an_answer_says_so() -> None:
    bus = HttpBus()
    with (
        serving(bus) as port,
        flaky(("127.0.0.1", port), lambda _: ConnectionFault(answer_bytes=0)) as proxy,
    ):
        retries = RetryPolicy(attempts=3, first_wait=0)
        client = EventBus(f"http://127.0.0.1:{proxy.port}", retries=retries, timeout=5)
        with pytest.raises(ConnectionFailed, match="3 attempts"):
            client.publish("order.placed", {}, id="order-1")
        client.close()
    # It was stored all the same, and once.
    assert list(bus.stored) == ["order-1"]
    assert bus.repeated == 2


@pytest.mark.parametrize("seed", [6, 7])
def test_a_consumer_loses_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("event_bus_client._sync.inbox._PAUSE_SECONDS", 0.01)
    bus, chance = HttpBus(), random.Random(seed)
    for n in range(120):
        bus.publish({"id": f"e{n}", "type": "order.placed", "payload": {}, "metadata": {}})
    quick = RetryPolicy(attempts=3, first_wait=0.001, longest_wait=0.01)
    with (
        serving(bus) as port,
        flaky(("127.0.0.1", port), lambda _: any_fault(chance)) as proxy,
        EventBus(f"http://127.0.0.1:{proxy.port}", retries=quick, timeout=5) as client,
    ):
        inbox = client.inbox("sub_1")
        seen: list[str] = []
        with at_most(300, inbox.stop, "the last event"):
            for received in inbox.receive():
                seen.append(received.event.id)
                if received.event.id == "e119":
                    inbox.stop()
    assert proxy.connections > 5
    assert list(dict.fromkeys(seen)) == list(bus.stored)


CONSUMER = """
import os, signal, sys
from event_bus_client import EventBus
inbox = EventBus(sys.argv[1]).inbox("sub_1")
for number, received in enumerate(inbox.receive(), 1):
    print(received.event.id, flush=True)
    if number == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    if received.event.id == "e39":
        inbox.stop()
"""


def test_a_consumer_that_is_killed_resumes_at_its_place() -> None:
    bus = HttpBus()
    for n in range(40):
        bus.publish({"id": f"e{n}", "type": "order.placed", "payload": {}, "metadata": {}})
    seen: list[str] = []
    with serving(bus) as port:
        for lines in (13, 8, 100):
            running = subprocess.Popen(
                [sys.executable, "-c", CONSUMER, f"http://127.0.0.1:{port}", str(lines)],
                env={**os.environ, "PYTHONPATH": str(CLIENT)},
                stdout=subprocess.PIPE,
                text=True,
            )
            assert running.stdout
            with ending(running):
                seen += [line.strip() for line in running.stdout]
                assert running.wait(60) == (0 if lines == 100 else -signal.SIGKILL)
    assert list(dict.fromkeys(seen)) == [f"e{n}" for n in range(40)]
    assert bus.acknowledged == 40
    # What was acknowledged does not come again.
    assert len(seen) <= 40 + 2 * 10


def test_a_slow_answer_ends_at_the_time_limit() -> None:
    bus = HttpBus()
    with (
        serving(bus) as port,
        flaky(("127.0.0.1", port), lambda _: ConnectionFault(delay=60)) as proxy,
    ):
        client = EventBus(
            f"http://127.0.0.1:{proxy.port}", retries=RetryPolicy(attempts=1), timeout=0.2
        )
        begun = time.monotonic()
        with pytest.raises(ConnectionFailed):
            client.publish("order.placed", {})
        assert time.monotonic() - begun < 20
        client.close()
