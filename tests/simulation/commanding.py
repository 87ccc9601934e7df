"""The commands of a random course."""

import random
from collections.abc import Callable

from event_bus import times
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome

from tests.simulation.known import Subscriber
from tests.simulation.stories.story import REFUSED, TAKEN
from tests.simulation.world import World

_TYPE = "command.pay"
_DONE = Outcome(status_code=200, response='{"paid":true}')


def handle(world: World, rng: random.Random) -> None:
    """Registers the handler, unless there is one."""
    handlers = [each for each in world.subscribed.values() if each.request.get("handles")]
    if any(each.id not in world.gone for each in handlers):
        return
    if rng.random() < 0.3:
        world.pulled[world.handle_inbox([_TYPE])] = []
        return
    replies, refuses = rng.random() < 0.7, rng.choice((0.0, 0.3))

    def answer(_event: Event, _number: int) -> Outcome:
        if rng.random() < refuses:
            return REFUSED
        return _DONE if replies else TAKEN

    policy = {"schedule": [rng.choice((5, 3600))], "max_attempts": 5}
    subscriber = Subscriber(answer, lies=rng.choice((0, 1)))
    world.handle([_TYPE], subscriber, retry_policy=policy)


def send(world: World, rng: random.Random) -> None:
    """Sends a command, and perhaps repeats it."""
    handle(world, rng)
    name = f"c{len(world.published)}"
    deadline = rng.choice((None, None, times.at(world.now + rng.choice((30, 4_000)))))
    for _ in range(rng.choice((1, 1, 2))):
        world.command(name, _TYPE, deadline=deadline)


def answer(world: World, rng: random.Random) -> None:
    """Makes the handler reply or somebody cancel, and perhaps the other at the same time."""
    sent = [each for each in sorted(world.published) if each.startswith("c")]
    if not sent:
        return
    name = rng.choice(sent)
    body = {"payload": {"paid": rng.random() < 0.5}}
    acts: list[Callable[[], object]] = [
        lambda: world.try_to_reply(name, body),
        lambda: world.cancel_command(name),
    ]
    rng.shuffle(acts)
    if rng.random() < 0.5:
        world.rival = acts[1]
    acts[0]()
    world.end_of(name)
