"""A fault is left out only where another one ends as it does."""

from typing import Any

from tests.simulation.faults import MODES, CallFault, faults
from tests.simulation.telling import tell
from tests.simulation.world import World

STORY = "retry"
STANDS = ("status", "document", "due_at", "next_retry_at")


def end(*wrong: CallFault) -> tuple[Any, ...]:
    """What a story leaves, but for identifiers, which are drawn by number or by chance."""
    world: World = tell(STORY, *wrong)
    seen = [
        [(each.key.event_id, each.taken, each.answered, each.at) for each in subscriber.log]
        for subscriber in world.subscribers.values()
    ]
    deliveries = world.tables.items["deliveries"].values()
    stands = sorted(
        (each["event_id"]["S"], *(each.get(name, {}).get("S", "") for name in STANDS))
        for each in deliveries
    )
    return stands, seen, {name: len(items) for name, items in world.tables.items.items()}


def test_a_fault_that_is_left_out_ends_as_another_one() -> None:
    calls = tell(STORY).made
    told = {fault for mode in MODES for fault in faults(calls, mode)}
    fine = end()
    left_out = 0
    for number, call in enumerate(calls, start=1):
        like: dict[CallFault, tuple[Any, ...]] = {}
        if call.reads:
            like[CallFault(number, "lost")] = end(CallFault(number, "refused"))
            like[CallFault(number, "exit_after")] = end(CallFault(number, "exit_before"))
            like[CallFault(number, "repeated")] = fine
        if number > 1 and call.follows(calls[number - 2]):
            like[CallFault(number, "exit_before")] = end(CallFault(number - 1, "exit_after"))
        for fault, ends in like.items():
            assert end(fault) == ends, fault
        assert told.isdisjoint(like)
        left_out += len(like)
    assert len(told) + left_out == len(calls) * len(MODES)
