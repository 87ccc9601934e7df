"""Plays the day on the bus that `make up` has started, or on the bus that a file describes."""

import sys

from rich.console import Console

from examples.bus_file import NoBus, asked_file
from examples.engineering_day.bus import Address, DayError
from examples.engineering_day.day import play


def main(arguments: list[str]) -> int:
    """Runs the command line.

    Args:
        arguments: Nothing, or the path of a file like `.local/bus.json`.

    Returns:
        The exit code: 0 if the day was played without a fault.
    """
    file = asked_file(arguments, __doc__)
    console = Console()
    try:
        play(Address.read(file), console)
    except (NoBus, DayError) as error:
        console.print(str(error), style="bold red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped; the subscriptions of the day are removed.", style="red")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
