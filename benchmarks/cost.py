"""The cost of an event: calls to AWS and units, counted on the wire, at list prices.

Run it with `python -m benchmarks.cost`; it takes about three minutes.

It counts the requests of the bus's functions to AWS, and the calls of these functions. Functions
that collect events for up to a minute (counting, the audit log) share the events of one scenario.
Lambda's requests to SQS are not on the wire: they are computed from the calls of functions, one
receipt and one deletion each. Nor are DynamoDB's requests to KMS, one in five minutes.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks import prices
from benchmarks.bill import bill, floor
from benchmarks.documented import compare
from benchmarks.metered.bus import metered_bus
from benchmarks.metered.scenarios import Usage, usages
from benchmarks.receiver import receiving


def units(usage: Usage) -> dict[str, float]:
    """Returns the usage of one event, of everything that AWS charges by use."""
    found: defaultdict[str, float] = defaultdict(float)
    for each in usage.invocations:
        found[f"calls of functions: {each.function}"] += 1
        found["bytes logged"] += each.logged
    for call in usage.calls:
        for name, count in call.written.items():
            found[f"write units: {name}"] += count
        for name, count in call.read.items():
            found[f"read units: {name}"] += count
        found[f"requests: {call.function}, {call.service} {call.operation}"] += 1
    return {name: count / usage.scenario.events for name, count in sorted(found.items())}


def _table(
    title: str,
    columns: Sequence[str],
    rows: Mapping[str, Sequence[float]],
    form: Callable[[float], str],
) -> Table:
    table = Table("", title=title)
    for column in columns:
        table.add_column(column, justify="right")
    for name, values in rows.items():
        table.add_row(name, *map(form, values))
    return table


def show(console: Console, found: Sequence[Usage], memory: Mapping[str, int]) -> None:
    """Prints the tables, and compares the ratios with the documented ones."""
    columns = [each.scenario.name for each in found]
    took = [units(each) for each in found]
    names = sorted({name for each in took for name in each})
    rows = {name: [each.get(name, 0.0) for each in took] for name in names}
    console.print(_table("What an event takes", columns, rows, "{:,.3f}".format))
    bills = [bill(each, memory) for each in found]
    floors = [floor(each) for each in found]
    names = sorted({name for each in bills for name in each})
    dollars = {name: [each.get(name, 0.0) for each in bills] for name in names}
    totals = [sum(each.values()) for each in bills]
    lowest = [sum(each.values()) for each in floors]
    dollars["all"] = totals
    for name in names:
        if any(name in each for each in floors):
            dollars[f"floor: {name}"] = [each.get(name, 0.0) for each in floors]
    dollars["floor: all"] = lowest
    dollars["ratio"] = [ours / least for ours, least in zip(totals, lowest, strict=True)]
    console.print(
        _table(
            f"A million events, in dollars of us-east-1 ({prices.AS_OF})",
            columns,
            dollars,
            "{:,.2f}".format,
        )
    )
    compare(console, "cost", dict(zip(columns, dollars["ratio"], strict=True)))


def main() -> None:
    """Measures, and prints the tables."""
    console = Console(width=130)
    with receiving() as receiver, metered_bus() as metered:
        found = []
        for usage in usages(metered, receiver):
            console.print(f"{usage.scenario.name}: {usage.scenario.events} events")
            found.append(usage)
    show(console, found, metered.memory)


if __name__ == "__main__":
    main()
