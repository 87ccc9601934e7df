"""Commands that are answered, that fail, that expire and that are cancelled."""

from event_bus import times
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome

from tests.simulation.known import Subscriber
from tests.simulation.stories.story import LATE, REFUSED, SOON, TAKEN, failing, story
from tests.simulation.world import World

PAY = "command.pay"
DONE = Outcome(status_code=200, response='{"paid":true}')


def _answering(refusals: int = 0) -> Subscriber:
    return Subscriber(lambda _, number: REFUSED if number <= refusals else DONE)


@story
def command_that_its_callback_answers(world: World) -> None:
    world.handle([PAY], _answering())
    world.subscribe(["command.*"])
    world.command("c1")
    world.command("c1")
    world.settle()
    assert world.end_of("c1") == "succeeded"


@story
def command_that_is_answered_after_a_retry(world: World) -> None:
    world.handle([PAY], _answering(2), retry_policy=SOON)
    world.command("c1")
    world.settle()
    assert world.end_of("c1") == "succeeded"


@story
def command_that_is_answered_later(world: World) -> None:
    world.handle([PAY])
    world.command("c1")
    world.run(4)
    world.reply("c1", {"payload": {"paid": True}})
    world.reply("c1", {"payload": {"paid": True}})
    assert world.reply("c1", {"payload": {"paid": False}}) == 409
    assert world.end_of("c1") == "succeeded"


@story
def command_that_is_answered_from_an_inbox(world: World) -> None:
    handler = world.handle_inbox([PAY])
    world.command("c1")
    world.settle()
    world.pull(handler)
    world.reply("c1", {"error": {"title": "No money"}})
    assert world.end_of("c1") == "failed"


@story
def command_that_expires(world: World) -> None:
    world.handle([PAY], failing(1), retry_policy=LATE)
    world.command("c1", deadline=times.at(world.now + 60))
    world.settle()
    world.wait(61)
    assert world.reply("c1", {"payload": {}}) == 409
    assert world.end_of("c1") == "expired"


@story
def command_that_is_routed_after_its_deadline(world: World) -> None:
    world.handle([PAY], _answering())
    world.command("c1", deadline=times.at(world.now + 5))
    world.wait(30)
    world.settle()
    assert world.end_of("c1") == "expired"


@story
def command_that_is_cancelled(world: World) -> None:
    world.handle([PAY], failing(1), retry_policy=LATE)
    world.command("c1")
    world.run(4)
    world.cancel_command("c1")
    world.settle()
    assert world.end_of("c1") == "cancelled"


@story
def command_that_is_answered_while_it_is_cancelled(world: World) -> None:
    world.handle([PAY])
    world.command("c1")
    world.run(4)
    world.rival = lambda: world.reply("c1", {"payload": {}})
    world.cancel_command("c1")
    world.reply("c1", {"payload": {}})
    assert world.end_of("c1") in ("cancelled", "succeeded")


@story
def command_that_a_replay_does_not_repeat(world: World) -> None:
    handler = _answering()
    world.handle([PAY], handler)
    world.command("c1")
    world.settle()
    world.replay("c1")
    world.settle()
    replayed = [each for each in handler.log if each.key.replay_id]
    assert not replayed, f"a replay repeated {replayed}"


@story
def request_that_several_answer(world: World) -> None:
    for number in range(3):
        world.subscribe(
            ["price.*"],
            _answering(number % 2),
            service_id=f"shop{number}",
            retry_policy=SOON,
            reply=True,
        )
    world.command("r1", "price.asked", replies=3, deadline=times.at(world.now + 86_400))
    world.settle()
    assert world.end_of("r1") == "succeeded"


@story
def request_that_some_answer(world: World) -> None:
    def by_name(seen: Event, _number: int) -> Outcome:
        return DONE if seen.id == "r1" else TAKEN

    world.subscribe(["price.*"], Subscriber(by_name), service_id="shop1", reply=True)
    world.subscribe(["price.*"], service_id="shop2", reply=True)
    world.command("r1", "price.asked", replies=2, deadline=times.at(world.now + 60))
    world.settle()
    world.wait(61)
    assert world.end_of("r1") == "expired"
