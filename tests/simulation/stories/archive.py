"""Old events of kept streams, which are archived while clients read and publish them."""

from typing import Any

from tests.simulation.archived import stored_events
from tests.simulation.clients import ADMIN
from tests.simulation.known import Violation
from tests.simulation.process import deploy_anew
from tests.simulation.stories.story import event, story
from tests.simulation.world import World

_DAY = 86_400.0
_PLANNER = {
    "service_id": "planner",
    "name": "Planner",
    "event_types": ["task.*"],
    "kept_stream_categories": ["task"],
}


def _sent(number: int, **members: Any) -> dict[str, Any]:
    metadata = {"stream_id": "task/1"}
    return event(f"e{number}", source="planner", metadata=metadata, **members)


def _archive(world: World, *names: str) -> None:
    """Runs the sweeper until events are archived; one failure must not delay it for long."""
    before = stored_events(world)
    for _ in range(4):
        world.wait(200)
        world.invoke("sweep", {})
        if all("archived" in world.tables.items["events"][name,] for name in names):
            break
    else:
        raise Violation(f"{names} are never archived")
    after = stored_events(world)
    if any(after[name,] != before[name,] for name in names):
        raise Violation("an archived event is another one")


def _read(world: World) -> list[str]:
    query = {"source": "planner", "stream_id": "task/1"}
    found = world.pages("events", "GET /streams/events", query)
    return [each["event"]["id"] for each in found]


@story
def a_kept_stream_is_archived(world: World) -> None:
    world.archives = True
    deploy_anew(world, ARCHIVE_AFTER_DAYS="1")
    world.insist("registry", "POST /publishers", ADMIN, _PLANNER)
    world.publish(_sent(0), _sent(1))
    world.settle()
    world.wait(2 * _DAY)
    world.rival = lambda: world.publish(_sent(2))
    _archive(world, "e0", "e1")
    world.rival = None
    # A repeated event is recognised, and a different one is refused.
    if world.publish(_sent(0)) != [200]:
        raise Violation("an archived event is not known by its publisher")
    status, _ = world.insist("publish", "POST /events", ADMIN, {**_sent(1), "payload": {"n": "x"}})
    if status != 409:
        raise Violation(f"another event of the id of an archived one was answered {status}")
    shown = _read(world)
    if shown[:2] != ["e0", "e1"] or set(shown[2:]) - {"e2"}:
        raise Violation(f"the stream shows {shown}")
