"""Only a resource that its owner has opted in can be a target."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.end_to_end.aws_resources import (
    LISTED,
    OPTED_IN,
    TAG,
    SubscriberQueue,
    made_function,
    made_state_machine,
)
from tests.end_to_end.problems import problem
from tests.end_to_end.test_targets import events_in, subscribe
from tests.end_to_end.world import Client, World


def test_a_tagged_resource_is_a_target(world: World, service: Client, domain: str) -> None:
    queue, other = (
        SubscriberQueue(world, world.name("orders"), {}),
        SubscriberQueue(world, world.name("orders"), {}),
    )
    target = {"type": "sqs", "queue": queue.arn}
    asked = {"event_types": [f"{domain}.*"], "target": target}
    refusal = problem(service.http.post("/subscriptions", json=asked), 422)["errors"][0]
    assert refusal["pointer"] == "/target/queue"
    command = refusal["detail"].partition("aws sqs tag-queue --queue-url ")[2]
    url, _, tags = command.partition(" --tags ")
    assert url.endswith(queue.url.partition("/0")[2])
    assert tags == f"{TAG}=target"
    world.bus.sqs.tag_queue(QueueUrl=queue.url, Tags=OPTED_IN)
    made = subscribe(service, target, f"{domain}.*")
    event_id = service.publish(f"{domain}.created")
    assert [event["id"] for event in events_in(queue.take(1))] == [event_id]
    # Nor can it change to another resource that is not opted in.
    change = {"target": {"type": "sqs", "queue": other.arn}}
    answer = service.http.patch(f"/subscriptions/{made['id']}", json=change)
    assert problem(answer, 422)["errors"][0]["pointer"] == "/target/queue"
    shown = service.bus.subscriptions.get(made["id"])
    assert shown["target"]["queue"] == queue.arn


def test_without_its_tag_a_resource_receives_nothing(
    world: World, service: Client, domain: str
) -> None:
    queue = SubscriberQueue(world, world.name("orders"))
    made = subscribe(
        service,
        {"type": "sqs", "queue": queue.arn},
        f"{domain}.*",
        retry_policy={"max_attempts": 1},
    )
    world.bus.sqs.untag_queue(QueueUrl=queue.url, TagKeys=[TAG])
    event_id = service.publish(f"{domain}.created")
    letter = service.dead_letter(event_id=event_id)
    assert letter["error"]["code"] == "access_denied"
    assert "opted it in" in letter["error"]["message"]
    assert service.bus.subscriptions.get(made["id"])["status"] == "active"
    world.bus.sqs.tag_queue(QueueUrl=queue.url, Tags=OPTED_IN)
    service.bus.dead_letters.retry(letter["id"])
    assert [event["id"] for event in events_in(queue.take(1))] == [event_id]


@dataclass(frozen=True)
class Owned:
    """A resource of a team.

    Attributes:
        target: The target that names it.
        tag: Opts it in.
        untag: Takes that back.
    """

    target: dict[str, Any]
    tag: Callable[[], Any]
    untag: Callable[[], Any]


def topic(world: World) -> Owned:
    sns = world.bus.client("sns")
    arn = sns.create_topic(Name=world.name("orders"))["TopicArn"]
    return Owned(
        {"type": "sns", "topic": arn},
        lambda: sns.tag_resource(ResourceArn=arn, Tags=LISTED),
        lambda: sns.untag_resource(ResourceArn=arn, TagKeys=[TAG]),
    )


def event_bus(world: World) -> Owned:
    events = world.bus.client("events")
    arn = events.create_event_bus(Name=world.name("orders"))["EventBusArn"]
    return Owned(
        {"type": "eventbridge", "event_bus": arn},
        lambda: events.tag_resource(ResourceARN=arn, Tags=LISTED),
        lambda: events.untag_resource(ResourceARN=arn, TagKeys=[TAG]),
    )


def function(world: World) -> Owned:
    functions = world.bus.client("lambda")
    arn = made_function(world, "def handler(event, context): return {}")
    functions.untag_resource(Resource=arn, TagKeys=[TAG])
    return Owned(
        {"type": "lambda", "function": arn},
        lambda: functions.tag_resource(Resource=arn, Tags=OPTED_IN),
        lambda: functions.untag_resource(Resource=arn, TagKeys=[TAG]),
    )


def alias(world: World) -> Owned:
    functions, of = world.bus.client("lambda"), function(world)
    arn = of.target["function"]
    version = functions.publish_version(FunctionName=arn)["Version"]
    functions.create_alias(FunctionName=arn, Name="live", FunctionVersion=version)
    return replace(of, target={**of.target, "function": f"{arn}:live"})


def state_machine(world: World) -> Owned:
    states = world.bus.client("stepfunctions")
    arn = made_state_machine(world, opted_in=False)
    return Owned(
        {"type": "stepfunctions", "state_machine": arn},
        lambda: states.tag_resource(resourceArn=arn, tags=[{"key": TAG, "value": "target"}]),
        lambda: states.untag_resource(resourceArn=arn, tagKeys=[TAG]),
    )


@pytest.mark.parametrize("owned", [topic, event_bus, function, alias, state_machine])
def test_every_kind_of_target_is_opted_in(
    world: World, service: Client, domain: str, owned: Callable[[World], Owned]
) -> None:
    resource = owned(world)
    once = {"max_attempts": 1}
    asked = {"event_types": [f"{domain}.*"], "target": resource.target, "retry_policy": once}
    refusal = problem(service.http.post("/subscriptions", json=asked), 422)["errors"][0]
    assert refusal["pointer"] == f"/target/{[*resource.target][1]}"
    resource.tag()
    made = service.bus.subscriptions.create(**asked)
    service.settled(service.publish(f"{domain}.created"), made["id"], "delivered")
    # The tag decides at delivery as well, whatever is registered.
    resource.untag()
    letter = service.dead_letter(event_id=service.publish(f"{domain}.created"))
    assert letter["error"]["code"] == "access_denied"


def test_the_mirror_is_a_target_of_its_bus(world: World, service: Client, domain: str) -> None:
    target = {"type": "eventbridge", "event_bus": world.bus.resources["mirror_arn"]}
    made = subscribe(service, target, f"{domain}.*")
    service.settled(service.publish(f"{domain}.created"), made["id"], "delivered")


def test_nothing_of_the_bus_itself_is_a_target(world: World, service: Client, domain: str) -> None:
    """Not even where somebody has tagged it."""
    resources = world.bus.resources
    queues = {
        name: {"type": "sqs", "queue": url}
        for name, url in resources.items()
        if name.endswith("_url") and "/000000000000/" in url
    }
    assert len(queues) > 10
    functions, topics = world.bus.client("lambda"), world.bus.client("sns")
    sweep = functions.get_function(FunctionName=resources["sweep_function"])["Configuration"]
    functions.tag_resource(Resource=sweep["FunctionArn"], Tags=OPTED_IN)
    own = [each["TopicArn"] for each in topics.list_topics()["Topics"] if "event-bus" in str(each)]
    assert own
    targets = [
        *queues.values(),
        {"type": "lambda", "function": sweep["FunctionArn"]},
        *({"type": "sns", "topic": arn} for arn in own),
    ]
    for target in targets:
        asked = {"event_types": [f"{domain}.*"], "target": target}
        fault = problem(service.http.post("/subscriptions", json=asked), 422)["errors"][0]
        assert "of this bus or of another stage" in fault["detail"], target
    functions.untag_resource(Resource=sweep["FunctionArn"], TagKeys=[TAG])
