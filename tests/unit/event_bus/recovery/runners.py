"""Runners of replays on mocked AWS, their steps, and lanes that refuse messages."""

from collections.abc import Callable
from concurrent.futures import Executor

from event_bus.model.replay import Replay
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message
from event_bus.queues.replays import ReplayQueue
from event_bus.recovery.backlog_runner import BacklogRunner
from event_bus.recovery.catch_up import CatchUpRunner
from event_bus.recovery.replay_runner import ReplayRunner
from event_bus.recovery.replay_steps import ReplaySteps
from event_bus.routing.registry_view import RegistryView

from tests.aws import Aws


def replay_runner(
    aws: Aws, executor: Executor, lane: str, backlogs: BacklogRunner, catch_ups: CatchUpRunner
) -> ReplayRunner:
    """Sends the events of replays to a lane, and leaves other replays to these runners."""
    return ReplayRunner(
        replays=aws.replays,
        view=aws.view(RegistryView),
        events=aws.events,
        deliveries=aws.deliveries,
        lanes=Lanes(aws.sqs, {"http": lane}, executor),
        steps=ReplaySteps(aws.replays, ReplayQueue(aws.sqs, aws.queue())),
        executor=executor,
        backlogs=backlogs,
        catch_ups=catch_ups,
    )


def stepped(aws: Aws, runner: BacklogRunner | CatchUpRunner, replay_id: str) -> Replay:
    """Continues a stored replay once, and returns it as it is stored then."""
    before = aws.replays.get(replay_id)
    assert before
    runner.step(before)
    after = aws.replays.get(replay_id)
    assert after
    return after


def refusing(*names: str) -> Callable[[Lanes, list[Message]], list[Message]]:
    """Sends messages as `Lanes.send` does, except for those about these events."""
    send = Lanes.send

    def refuse(lanes: Lanes, messages: list[Message]) -> list[Message]:
        refused = [each for each in messages if each.event_id in names]
        return refused + send(lanes, [each for each in messages if each not in refused])

    return refuse
