"""Plays the saga on the bus that `make up` has started, or on the bus that a file describes."""

import sys

from event_bus_client import EventBus, EventBusError

from examples.bus_file import NoBus, asked_file, read_bus
from examples.saga.story import played_by


def main(arguments: list[str]) -> int:
    """Runs the command line.

    Args:
        arguments: Nothing, or a file of the form of `.local/bus.json`.

    Returns:
        The exit code: 0 if the saga was played without a fault.
    """
    file = asked_file(arguments, __doc__)
    try:
        found = read_bus(file, ("api_url", "admin_api_key"))
        with (
            EventBus(found["api_url"], found["admin_api_key"]) as admin,
            played_by(found["api_url"], admin, lambda step: print(f"  {step}")) as (saga, _),
        ):
            print("A saga: a requirement becomes reviewed code, by commands and their replies")
            completed = saga.play("req-1", "a list of open tasks")
            print("A review that fails is compensated")
            rejected = not saga.play("req-2", "eval of a formula")
    except (NoBus, EventBusError) as error:
        print(error)
        return 1
    return 0 if completed and rejected else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
