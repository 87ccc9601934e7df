"""Plays the engineering day on the local bus: `python -m examples.team_day`."""

import sys

from examples.team_day.client import Refused
from examples.team_day.day import Lost, play
from examples.team_day.screen import Screen
from localstack.bus import LocalBus
from localstack.cli import BUS_FILE


def main() -> int:
    """Plays the day.

    Returns:
        The exit code: 0 where every figure is as it must be.
    """
    screen = Screen()
    if not BUS_FILE.exists():
        screen.fault("No bus runs on this machine; start one with: make up")
        return 1
    bus = LocalBus.read(BUS_FILE)
    try:
        summary = play(bus, screen)
    except (Lost, Refused) as error:
        screen.fault(str(error))
        return 1
    screen.say("The day in figures")
    screen.figures(summary)
    faults = summary.faults()
    for fault in faults:
        screen.fault(fault)
    screen.say(f"The bus runs on at {bus.api_url}")
    screen.note(
        "Its admin key is in .local/bus.json; stop it with: make down\n"
        f"Try: curl -s {bus.api_url}/health/ready"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
