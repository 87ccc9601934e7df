"""10,000 events through the Python client's background publisher, while the bus restarts.

Run it with `python -m benchmarks.background`; it takes about five minutes. The bus stops after a
third of the events, and starts again with what it has stored. The benchmark ends with an error if
an event is missing or an unknown one is stored.
"""

import sys
import tempfile
import time
from pathlib import Path

from event_bus_client import BackgroundPublisher, EventBus, RetryPolicy
from rich.console import Console

from localstack.bus import LocalBus
from localstack.deployment import deploy
from localstack.emulator import Emulator

EVENTS = 10_000
TYPE = "task.created"

_PATIENT = RetryPolicy(attempts=3, first_wait=0.25, longest_wait=1)


def main() -> None:
    """Publishes, restarts the bus, and compares what is stored."""
    console = Console()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        emulator = Emulator.start(folder / "bus", port=0, kept=True)
        try:
            with console.status("Deploying the bus"):
                bus = deploy(emulator)
            with console.status(f"Publishing {EVENTS:,} events"):
                began = time.monotonic()
                given, emulator, down = _published(emulator, bus, folder / "spool")
                seconds = time.monotonic() - began
            with (
                console.status("Reading them back"),
                EventBus(bus.api_url, bus.admin_api_key) as client,
            ):
                stored = [each.id for each in client.events.list(type=TYPE, limit=100)]
        finally:
            emulator.stop()
    console.print(
        f"{len(given):,} events in {seconds:.0f} s, of which the bus was down for {down:.0f} s: "
        f"{len(given) / (seconds - down):,.0f} events/s while it was up"
    )
    lost, strange = set(given) - set(stored), len(stored) - len(set(given))
    console.print(f"stored: {len(stored):,}; lost: {len(lost)}; beyond those given: {strange}")
    if lost or strange:
        sys.exit(1)


def _published(emulator: Emulator, bus: LocalBus, spool: Path) -> tuple[list[str], Emulator, float]:
    """Publishes all events; returns their ids, the emulator after the restart, and its pause."""
    given: list[str] = []
    with (
        EventBus(bus.api_url, bus.admin_api_key, retries=_PATIENT) as client,
        BackgroundPublisher(client, queue_size=1_000, spool=spool) as publisher,
    ):
        for number in range(EVENTS):
            if number == EVENTS // 3:
                stopped = time.monotonic()
                emulator.stop()
                emulator = Emulator.start(emulator.directory, kept=True)
                down = time.monotonic() - stopped
            given.append(publisher.publish(TYPE, {"n": number}, source="benchmark"))
        if not publisher.flush(600):
            raise TimeoutError("the events were not published within ten minutes")
    return given, emulator, down


if __name__ == "__main__":
    main()
