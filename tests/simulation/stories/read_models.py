"""Read models that are built and kept up to date."""

import orjson

from tests.simulation.clients import ADMIN
from tests.simulation.known import Violation
from tests.simulation.stories.story import event, in_stream, story
from tests.simulation.world import World

_OF_TASKS = {"parameters": {"category": "task"}, "query": {"source": "admin"}}


def _folded(world: World) -> dict[tuple[str, ...], int]:
    """Returns the versions up to which states are folded, by generation and stream."""
    states = world.tables.items["states"].items()
    return {key: int(item["version"]["N"]) for key, item in states if key[0].startswith("state#")}


def _watched(world: World) -> None:
    """Runs the world until it settles, and checks that no state returns to a lower version."""
    before = _folded(world)
    for _ in range(40):
        world.run(1)
        after = _folded(world)
        if any(after.get(key, version) < version for key, version in before.items()):
            raise Violation(f"a state went back: {before}, then {after}")
        before = after
    world.settle()


def _complete(world: World, generation: int, **versions: int) -> None:
    """Checks that requests read a generation, and that it has each stream up to its last event."""
    document = orjson.loads(world.tables.items["states"]["models", "admin#task"]["document"]["S"])
    if document["building"] or document["serving"]["number"] != generation:
        raise Violation(f"the generation {generation} is not read: {document}")
    expected = {(f"state#admin#task#{generation}", f"task/{n}"): v for n, v in versions.items()}
    found = _folded(world)
    if world.happened["delayed"]:
        # A function that outlives its timeout may write to a generation that was removed.
        found = {key: value for key, value in found.items() if key in expected}
    if found != expected:
        raise Violation(f"the read model holds {found}, not {expected}")


@story
def a_read_model_catches_up(world: World) -> None:
    world.publish(*[event(f"e{number}", **in_stream("task/a")) for number in range(2)])
    world.insist("registry", "PUT /read-models/{category}", ADMIN, {"indexes": ["n"]}, **_OF_TASKS)
    world.publish(event("e2", **in_stream("task/a")), event("e3", **in_stream("task/b")))
    _watched(world)
    _complete(world, 1, a=3, b=1)
    world.publish(event("e4", **in_stream("task/b")), event("e5", **in_stream("order/a")))
    _watched(world)
    _complete(world, 1, a=3, b=2)


@story
def a_read_model_is_rebuilt(world: World) -> None:
    route = "PUT /read-models/{category}"
    world.insist("registry", route, ADMIN, {"indexes": ["n"]}, **_OF_TASKS)
    world.publish(event("e0", **in_stream("task/a")))
    _watched(world)
    # Other indexes have it built again; events come before, while and after it is.
    world.insist("registry", route, ADMIN, {"indexes": []}, **_OF_TASKS)
    world.publish(event("e1", **in_stream("task/a")), event("e2", **in_stream("task/b")))
    _watched(world)
    _complete(world, 2, a=2, b=1)
