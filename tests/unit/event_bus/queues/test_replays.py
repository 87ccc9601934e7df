"""Messages about replays and read models are grouped by service, so SQS serves services fairly."""

from typing import Any

from event_bus.model.stream_name import StreamName
from event_bus.queues.projections import ProjectionQueue
from event_bus.queues.replays import ReplayQueue

STREAM = StreamName("planner", "task/1")


class RecordingQueue:
    """Notes the messages that it is sent."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def send_message(self, **message: Any) -> None:
        self.messages.append(message)

    def send_message_batch(self, QueueUrl: str, Entries: list[Any]) -> Any:  # noqa: N803
        self.messages += [{"QueueUrl": QueueUrl, **each} for each in Entries]
        return {}

    @property
    def groups(self) -> list[str]:
        return [each["MessageGroupId"] for each in self.messages]


def test_a_replay_is_in_the_group_of_its_service() -> None:
    queue: Any = RecordingQueue()
    replays = ReplayQueue(queue, "https://queue.example")
    replays.send("rpl_1", "worker")
    replays.try_to_send("rpl_2", "planner", 5, "2026-05-01T12:00:00.000Z")
    assert queue.groups == ["worker", "planner"]
    assert [each["DelaySeconds"] for each in queue.messages] == [0, 5]


def test_a_read_model_is_in_the_group_of_the_service_that_publishes() -> None:
    queue: Any = RecordingQueue()
    projections = ProjectionQueue(queue, "https://queue.example")
    streams = [StreamName(f"svc{number % 3}", f"task/{number}") for number in range(12)]
    projections.changed([*streams, streams[0]])
    assert queue.groups == [each.source for each in streams]
    queue.messages.clear()
    projections.retry(STREAM, 60)
    projections.continue_generation("planner", "task", 2)
    projections.drop_later("planner", "task", 1)
    assert queue.groups == ["planner"] * 3
