"""Compares the ratios of a benchmark with those in docs/architecture/performance.md.

Seconds differ from machine to machine; ratios within one run hardly differ. `documented.json` holds
them once: a test compares the page with it, and each benchmark compares what it measured.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

_FILE = Path(__file__).with_name("documented.json")


@dataclass(frozen=True, slots=True)
class Documented:
    """The ratios of one benchmark.

    Attributes:
        ratios: The documented ratio of each row to the floor, by the row's name.
        tolerance: The factor by which a measured ratio may be higher, since runs differ.
    """

    ratios: dict[str, float]
    tolerance: float

    def drifted(self, measured: Mapping[str, float]) -> list[str]:
        """Describes each ratio that is too high: the measured and the documented value.

        Args:
            measured: The ratios of a run, which has all documented rows.
        """
        return [
            f"{name}: {measured[name]:.2f}x, documented {stated:g}x"
            for name, stated in self.ratios.items()
            if measured[name] > stated * self.tolerance
        ]


def documented(benchmark: str) -> Documented:
    """Reads the ratios of a benchmark.

    Args:
        benchmark: The name of its module.
    """
    return Documented(**json.loads(_FILE.read_text())[benchmark])


def compare(console: Console, benchmark: str, measured: Mapping[str, float]) -> None:
    """Prints whether a run meets what is documented, and ends the program if it does not.

    Args:
        console: Where to print.
        benchmark: The name of the benchmark's module.
        measured: The ratios of the run.

    Raises:
        SystemExit: A ratio is too high.
    """
    drifted = documented(benchmark).drifted(measured)
    if drifted:
        console.print(
            "[bold red]Worse than docs/architecture/performance.md says:[/] " + "; ".join(drifted)
        )
        raise SystemExit(1)
    console.print("As docs/architecture/performance.md says, or better.")
