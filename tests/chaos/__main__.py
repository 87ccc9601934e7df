"""Runs the chaos test on a bus on an emulator of its own: `python -m tests.chaos --seconds 60`."""

import argparse
import sys
import tempfile
from pathlib import Path

from localstack.deployment import deploy
from localstack.emulator import Emulator
from tests.chaos.load import ChaosResult, ChaosTest
from tests.end_to_end.world import World, client_of


def main() -> int:
    """Runs it, and prints its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long functions are killed")
    parser.add_argument("--seed", type=int, default=1, help="which course the killing takes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        emulator = Emulator.start(Path(scratch), port=0)
        try:
            bus = deploy(emulator)
            with client_of(bus, bus.admin_api_key) as admin:
                world = World(bus, admin)
                try:
                    result = ChaosTest(world, asked.seed).run(asked.seconds, asked.seed)
                finally:
                    world.close()
        finally:
            emulator.stop()
    sys.stdout.write(told(result))
    return 1 if result.lost or result.out_of_order else 0


def told(result: ChaosResult) -> str:
    """The result, a line each."""
    killed = ", ".join(f"{name} {count}" for name, count in sorted(result.killed.items()))
    again = ", ".join(f"{kind} {count}" for kind, count in sorted(result.duplicated.items()))
    lines = {
        "killed": f"{sum(result.killed.values())} processes: {killed}",
        "accepted": f"{result.accepted} events, after {result.refused_requests} failed requests",
        "deliveries": result.deliveries,
        "delivered": result.delivered,
        "dead-lettered": result.dead_lettered,
        "dropped": f"{result.dropped}, at most once",
        "lost": f"{len(result.lost)} {result.lost[:5]}",
        "out of order": f"{len(result.out_of_order)} {result.out_of_order[:5]}",
        "taken again": again,
        "seconds": round(result.seconds),
    }
    return "".join(f"{name:14} {value}\n" for name, value in lines.items())


if __name__ == "__main__":
    sys.exit(main())
