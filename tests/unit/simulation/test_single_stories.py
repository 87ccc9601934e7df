"""Single stories, from which more is demanded."""

from pathlib import Path

import pytest

from tests.simulation.clients import ADMIN
from tests.simulation.dynamodb import MemoryDynamoDB
from tests.simulation.process import simulated
from tests.simulation.stories import STORIES
from tests.simulation.stories.story import ONCE, event, failing
from tests.simulation.telling import tell
from tests.simulation.world import World

SUBSCRIBE = [name for name in STORIES if "subscribe" in name or "newcomer" in name]


@pytest.mark.parametrize("error", [-0.99, 0.99])
@pytest.mark.parametrize("name", SUBSCRIBE)
def test_a_subscription_misses_nothing_if_clocks_differ(name: str, error: float) -> None:
    # One function's clock is behind, the other's ahead, by almost two seconds together.
    tell(name, clock_errors={"publish": error, "registry": -error})


def test_a_subscription_receives_events_from_its_answer_on() -> None:
    world = tell("subscribe_after_events_that_are_not_routed_yet")
    for subscription_id in world.subscribed:
        deliveries = world.tables.items["deliveries"]
        delivered = {event_id for event_id, name in deliveries if name == subscription_id}
        assert delivered == {f"e{number}" for number in range(10, 15)}


def test_a_replay_continues_behind_an_expired_event() -> None:
    world = tell("an_event_of_a_replay_expires_that_others_wait_for")
    [receiver] = world.subscribers.values()
    taken = [receipt.key.event_id for receipt in receiver.log]
    assert [*dict.fromkeys(taken)] == ["e0", "e1", "e2"]


def test_a_dead_letter_of_a_deleted_subscription_stays_until_somebody_acts() -> None:
    world = World()
    with simulated(world, 1):
        subscribed = world.subscribe(["task.*"], failing(1), retry_policy=ONCE)
        world.publish(event("e1"))
        world.settle()
        world.delete(subscribed)
        # Lanes know it by then.
        world.wait(11)
        world.settle()
        [letter] = world.dead_letters()
        assert letter["status"] == "exhausted"
        path = {"id": letter["id"]}
        world.insist("recovery", "POST /dead-letters/{id}/retry", ADMIN, parameters=path)
        world.settle()
        [letter] = world.dead_letters()
    assert (letter["status"], letter["error"]["code"]) == ("resolved", "subscription_deleted")


@pytest.mark.parametrize(
    ("guarantee", "attempts"), [("at_least_once", 2), ("exactly_once", 1), ("at_most_once", 1)]
)
def test_an_event_that_is_restored_from_a_backup_is_delivered_again(
    guarantee: str, attempts: int
) -> None:
    # As docs/how-to/upgrade.md says: claims show that the event was delivered.
    world = World()
    with simulated(world, 1):
        world.subscribe(["task.*"], delivery_guarantee=guarantee)
        world.publish(event("e1"))
        world.settle()
        stored = MemoryDynamoDB(world.tables)
        key = {"TableName": "events", "Key": {"id": {"S": "e1"}}}
        item = stored.get_item(**key)["Item"]
        stored.delete_item(**key)
        stored.put_item(TableName="events", Item=item)
        world.settle()
    [receiver] = world.subscribers.values()
    assert [receipt.key.event_id for receipt in receiver.log] == ["e1"] * attempts


def test_every_story_is_run() -> None:
    files = {
        file.stem.removeprefix("test_") for file in Path(__file__).parent.glob("stories/test_*")
    }
    assert files == {story.__module__.rpartition(".")[2] for story in STORIES.values()}
