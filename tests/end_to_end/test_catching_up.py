"""Subscriptions of every target catch up with a stream, then follow it, in order, without a gap."""

from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson

from tests.end_to_end.aws_resources import (
    LISTED,
    SubscriberQueue,
    made_function,
    made_state_machine,
)
from tests.end_to_end.receiver import eventually
from tests.end_to_end.socket_client import connected
from tests.end_to_end.test_sse import StreamClient
from tests.end_to_end.world import Client, World

Versions = Callable[[], list[int]]
"""Waits for all events at a target, and returns their versions in the order of their arrival."""

OLD, NEW = 3, 2
ALL = list(range(1, OLD + NEW + 1))

FUNCTION = """
def handler(event, context):
    with open({path!r}, "a") as file:
        file.write(str(event["metadata"]["stream_version"]) + "\\n")
"""


def version_of(event: dict[str, Any]) -> int:
    return int(event["metadata"]["stream_version"])


def arrived(queue: SubscriberQueue, member: str | None = None) -> Versions:
    """Reads a queue. A standard queue may return messages in another order."""

    def versions() -> list[int]:
        messages = queue.take(len(ALL))
        if "MessageGroupId" not in messages[0]["Attributes"]:
            messages.sort(key=lambda each: int(each["Attributes"]["SentTimestamp"]))
        bodies = [orjson.loads(each["Body"]) for each in messages]
        return [version_of(each[member] if member else each) for each in bodies]

    return versions


class Targets:
    """Targets of each AWS type, with functions that read what they received."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world, self.directory = world, directory

    def queue(self, *, fifo: bool = False) -> SubscriberQueue:
        name = self.world.name("caught")
        if fifo:
            return SubscriberQueue(self.world, f"{name}.fifo", FifoQueue="true")
        return SubscriberQueue(self.world, name)

    def sqs(self) -> tuple[dict[str, Any], Versions]:
        queue = self.queue()
        return {"type": "sqs", "queue": queue.arn}, arrived(queue)

    def sqs_fifo(self) -> tuple[dict[str, Any], Versions]:
        queue = self.queue(fifo=True)
        return {"type": "sqs", "queue": queue.arn}, arrived(queue)

    def sns(self) -> tuple[dict[str, Any], Versions]:
        sns, queue = self.world.bus.client("sns"), self.queue()
        topic = sns.create_topic(Name=self.world.name("caught"), Tags=LISTED)["TopicArn"]
        queue.let_in("sns", topic)
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=raw)
        return {"type": "sns", "topic": topic}, arrived(queue)

    def eventbridge(self) -> tuple[dict[str, Any], Versions]:
        events, name = self.world.bus.client("events"), self.world.name("caught")
        arn = events.create_event_bus(Name=name, Tags=LISTED)["EventBusArn"]
        queue = self.queue()
        pattern = orjson.dumps({"detail": {"id": [{"exists": True}]}}).decode()
        events.put_rule(Name=name, EventBusName=name, EventPattern=pattern)
        events.put_targets(
            Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": queue.arn}]
        )
        return {"type": "eventbridge", "event_bus": arn}, arrived(queue, "detail")

    def function(self) -> tuple[dict[str, Any], Versions]:
        file = self.directory / "versions"
        file.touch()
        arn = made_function(self.world, FUNCTION.format(path=str(file)))

        def versions() -> list[int]:
            eventually(lambda: len(file.read_text().split()) >= len(ALL), 60)
            return [int(each) for each in file.read_text().split()]

        return {"type": "lambda", "function": arn, "invocation": "sync"}, versions

    def stepfunctions(self) -> tuple[dict[str, Any], Versions]:
        states = self.world.bus.client("stepfunctions")
        arn = made_state_machine(self.world, opted_in=True)

        def versions() -> list[int]:
            def started() -> list[Any]:
                found: list[Any] = states.list_executions(stateMachineArn=arn)["executions"]
                return found if len(found) >= len(ALL) else []

            executions = sorted(eventually(started, 60), key=itemgetter("startDate"))
            read = [states.describe_execution(executionArn=e["executionArn"]) for e in executions]
            return [version_of(orjson.loads(each["input"])) for each in read]

        return {"type": "stepfunctions", "state_machine": arn}, versions


def check_turns(service: Client, ids: list[str], subscription_id: str) -> None:
    """Checks that the first attempt delivered each event, and that the events came in order."""
    before = ""
    for event_id in ids:
        delivery = service.settled(event_id, subscription_id, "delivered")
        assert delivery["replay_id"] is None
        assert delivery["attempts"] == 1
        assert before < delivery["delivered_at"]
        before = delivery["delivered_at"]


def test_every_target_receives_a_stream_from_its_first_version_on(
    world: World, service: Client, domain: str, tmp_path: Path
) -> None:
    name = f"{domain}/1"

    def publish(count: int) -> list[str]:
        return [service.publish(f"{domain}.made", stream={"id": name}) for _ in range(count)]

    ids = publish(OLD)
    targets = Targets(world, tmp_path)
    made = {
        "sqs": targets.sqs(),
        "sqs fifo": targets.sqs_fifo(),
        "sns": targets.sns(),
        "eventbridge": targets.eventbridge(),
        "lambda": targets.function(),
        "stepfunctions": targets.stepfunctions(),
    }
    inboxes = {each: ({"type": each}, None) for each in ("sse", "websocket")}
    followed = {"source": service.service_id, "id": name, "from_version": 1}
    subscriptions = {}
    for each, (target, _) in (made | inboxes).items():
        subscriptions[each] = service.subscribe(target, f"{domain}.*", stream=followed)["id"]
    ids += publish(NEW)

    received = {each: versions() for each, (_, versions) in made.items()}
    assert received == dict.fromkeys(made, ALL)
    path = f"/subscriptions/{subscriptions['sse']}/stream"
    events = StreamClient(service.http, path, cursor=0).events(len(ALL))
    assert [version_of(each) for each in events] == ALL
    with connected(world.bus.websocket_url, service.key) as client:
        client.subscribe(subscription_id=subscriptions["websocket"], cursor="0")
        items = client.items(len(ALL))
    assert [version_of(each["event"]) for each in items] == ALL
    for each in subscriptions.values():
        check_turns(service, ids, each)
        service.bus.subscriptions.delete(each)
