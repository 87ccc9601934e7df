"""Runs the chaos test on a bus on an emulator of its own: `python -m tests.chaos --seconds 60`."""

import argparse
import sys
import tempfile
from pathlib import Path

import httpx

from localstack.deployment import deploy
from localstack.emulator import Emulator
from tests.chaos.load import ChaosTest, Figures
from tests.end_to_end.world import Client, World


def main() -> int:
    """Runs it, and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long functions are killed")
    parser.add_argument("--seed", type=int, default=1, help="which course the killing takes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        emulator = Emulator.start(Path(scratch), port=0)
        try:
            bus = deploy(emulator)
            headers = {"x-api-key": bus.admin_api_key}
            with httpx.Client(base_url=bus.api_url, headers=headers, timeout=30) as http:
                world = World(bus, Client(http))
                try:
                    figures = ChaosTest(world, asked.seed).run(asked.seconds, asked.seed)
                finally:
                    world.close()
        finally:
            emulator.stop()
    sys.stdout.write(told(figures))
    return 1 if figures.lost or figures.out_of_order else 0


def told(figures: Figures) -> str:
    """The figures, a line each."""
    killed = ", ".join(f"{name} {count}" for name, count in sorted(figures.killed.items()))
    again = ", ".join(f"{kind} {count}" for kind, count in sorted(figures.duplicated.items()))
    lines = {
        "killed": f"{sum(figures.killed.values())} processes: {killed}",
        "accepted": f"{figures.accepted} events, after {figures.refused_requests} failed requests",
        "deliveries": figures.deliveries,
        "delivered": figures.delivered,
        "dead-lettered": figures.dead_lettered,
        "dropped": f"{figures.dropped}, at most once",
        "lost": f"{len(figures.lost)} {figures.lost[:5]}",
        "out of order": f"{len(figures.out_of_order)} {figures.out_of_order[:5]}",
        "taken again": again,
        "seconds": round(figures.seconds),
    }
    return "".join(f"{name:14} {value}\n" for name, value in lines.items())


if __name__ == "__main__":
    sys.exit(main())
