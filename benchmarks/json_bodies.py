"""The processor time that it takes to read a body, next to the standard library without hooks.

Run it with `python -m benchmarks.json_bodies`; it takes about ten seconds. Each body has 4 MiB.
"""

import json
import random
import time
from collections.abc import Callable

from event_bus.strict_json import parse
from rich.console import Console
from rich.table import Table

from benchmarks.documented import compare

SIZE = 4 * 1024 * 1024
_RUNS = 3


def _array(value: str, last: str = "0") -> str:
    return f"[{f'{value},' * (SIZE // (len(value) + 1))}{last}]"


def _integers() -> str:
    made = random.Random(1)
    return f"[{','.join(str(made.randrange(100_000)) for _ in range(SIZE // 6))}]"


BODIES = {
    "integers of one digit": _array("7"),
    "integers of five digits": _integers(),
    "decimals": _array("1.5e-5"),
    "integers, and one number that is not a double": _array("7", "1e-400"),
    "integers, and an emoji that is escaped": _array("7", r'"\ud83d\ude00"'),
    "short strings": _array('"a"'),
    "small objects": _array('{"a":7}'),
    "numbers that are not doubles": _array("9007199254740993.0"),
}


def _seconds(read: Callable[[str], object], body: str) -> float:
    spent = []
    for _ in range(_RUNS):
        started = time.process_time()
        read(body)
        spent.append(time.process_time() - started)
    return min(spent)


def main() -> None:
    """Measures, and prints the table."""
    console = Console(width=110)
    table = Table("body", title="Reading 4 MiB of JSON, in milliseconds of a processor")
    for column in ("standard library", "strict reading", "ratio"):
        table.add_column(column, justify="right")
    ratios = {}
    for name, body in BODIES.items():
        floor, strict = _seconds(json.loads, body), _seconds(parse, body)
        ratios[name] = strict / floor
        table.add_row(name, f"{floor * 1e3:.0f}", f"{strict * 1e3:.0f}", f"{ratios[name]:.1f}x")
    console.print(table)
    compare(console, "json_bodies", ratios)


if __name__ == "__main__":
    main()
