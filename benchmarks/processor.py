"""The processor time of each function for an event, next to a bare function of the same hop.

Run it with `python -m benchmarks.processor`; it takes about two minutes. The bare functions are
those of `benchmarks/bare`: the same hops, with handlers that do nothing else.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from benchmarks.bare import pipeline as bare
from benchmarks.documented import compare
from benchmarks.metered.bus import Invocation, MeteredBus, metered_bus
from benchmarks.metered.scenarios import SCENARIOS, usages
from benchmarks.receiver import receiving

_HOPS = {
    "authorize": "authorize",
    "publish": "publish",
    "route": "route",
    "deliver_http": "deliver",
}
"""The names of the functions of the bus in the bare pipeline."""

_BARE_EVENTS = 100


def spent(invocations: Iterable[Invocation], events: int) -> dict[str, float]:
    """Returns the processor milliseconds for one event, by function.

    Args:
        invocations: The calls of functions.
        events: How many events they were for.
    """
    milliseconds: defaultdict[str, float] = defaultdict(float)
    for each in invocations:
        milliseconds[each.function] += each.processor_ms / events
    return dict(milliseconds)


def _bare(metered: MeteredBus, receiver: str) -> dict[str, float]:
    url = bare.deploy(metered.bus, receiver)
    metered.measure({f"bare-{hop}": f"bare {hop}" for hop in _HOPS.values()})
    body = next(SCENARIOS[0].requests())
    with metered.client() as client:

        def publish(number: int) -> None:
            for _ in range(number):
                event = {"id": str(uuid.uuid4()), **body}
                client.post(f"{url}/events", json=event).raise_for_status()
                metered.wire.rest(0.15)

        publish(10)
        metered.invocations()
        publish(_BARE_EVENTS)
    return spent(metered.invocations(), _BARE_EVENTS)


def main() -> None:
    """Measures, and prints the table."""
    console = Console(width=110)
    with receiving() as receiver, metered_bus() as metered:
        found = {}
        for usage in usages(metered, receiver):
            console.print(f"{usage.scenario.name}: {usage.scenario.events} events")
            found[usage.scenario.name] = spent(usage.invocations, usage.scenario.events)
        floors = _bare(metered, receiver)
    table = Table("", title="Milliseconds of a processor for an event")
    for column in (*found, "bare, alone, to 1", "ratio"):
        table.add_column(column, justify="right")
    alone = found[SCENARIOS[0].name]
    for name in (*_HOPS, "observe", "audit"):
        least = floors.get(f"bare {_HOPS.get(name)}")
        table.add_row(
            name,
            *(f"{each.get(name, 0):.2f}" for each in found.values()),
            f"{least:.2f}" if least else "",
            f"{alone[name] / least:.1f}x" if least else "",
        )
    table.add_row("all", *(f"{sum(each.values()):.2f}" for each in found.values()), "", "")
    console.print(table)
    ratios = {name: alone[name] / floors[f"bare {hop}"] for name, hop in _HOPS.items()}
    compare(console, "processor", ratios)


if __name__ == "__main__":
    main()
