"""A resource is a target only where its owner has tagged it, and a refusal says how to do that."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from event_bus.errors import InvalidRequest
from event_bus.model.target import Target
from event_bus.registry.opt_ins import OptIns
from event_bus.targets.aws_target import AwsTarget
from event_bus.targets.eventbridge import EventBridgeTarget
from event_bus.targets.http import HttpTarget
from event_bus.targets.inbox import InboxTarget
from event_bus.targets.lambda_function import LambdaTarget
from event_bus.targets.sns import SnsTarget
from event_bus.targets.sqs import SqsTarget
from moto import mock_aws

from tests.aws import TARGETS

ACCOUNT, REGION, TAG = TARGETS["TARGET_ACCOUNTS"], TARGETS["AWS_REGION"], "event-bus-prod"
HERE = f"{REGION}:{ACCOUNT}"
QUEUE = SqsTarget(
    f"arn:aws:sqs:{HERE}:orders", f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/orders"
)
TOPIC = SnsTarget(f"arn:aws:sns:{HERE}:orders")
FUNCTION = LambdaTarget(f"arn:aws:lambda:{HERE}:function:bill")
EVENT_BUS = EventBridgeTarget(f"arn:aws:events:{HERE}:event-bus/orders")

COMMANDS: dict[AwsTarget, str] = {
    QUEUE: f"aws sqs tag-queue --queue-url {QUEUE.queue_url} --tags {TAG}=target",
    TOPIC: f"aws sns tag-resource --resource-arn {TOPIC.topic} --tags Key={TAG},Value=target",
    FUNCTION: f"aws lambda tag-resource --resource {FUNCTION.function} --tags {TAG}=target",
    EVENT_BUS: f"aws events tag-resource --resource-arn {EVENT_BUS.event_bus} "
    f"--tags Key={TAG},Value=target",
}

Tags = dict[str, str]


class Tagged:
    """A client of each service, whose resources all have the same tags."""

    def __init__(self, tags: Tags, refusal: str | None = None) -> None:
        self.tags, self.refusal = tags, refusal
        self.asked: list[dict[str, str]] = []

    def list_queue_tags(self, **asked: str) -> Any:
        # SQS leaves out the member where there are none.
        return self._answer(asked, {"Tags": self.tags} if self.tags else {})

    def list_tags(self, **asked: str) -> Any:
        return self._answer(asked, {"Tags": self.tags})

    def list_tags_for_resource(self, **asked: str) -> Any:
        tags = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        return self._answer(asked, {"Tags": tags})

    def _answer(self, asked: dict[str, str], answer: Any) -> Any:
        self.asked.append(asked)
        if self.refusal:
            raise ClientError({"Error": {"Code": self.refusal, "Message": ""}}, "ListTags")
        return answer


def opt_ins(client: Tagged, *untagged: str) -> OptIns:
    return OptIns(ACCOUNT, TAG, list(untagged), lambda _: client)


@pytest.mark.parametrize("target", COMMANDS)
def test_a_tagged_resource_is_accepted_as_a_target(target: AwsTarget) -> None:
    client = Tagged({"team": "billing", TAG: "target"})
    opt_ins(client).require(target)
    assert len(client.asked) == 1


@pytest.mark.parametrize("target", COMMANDS)
@pytest.mark.parametrize(
    "tags",
    [{}, {"event-bus-dev": "target"}, {TAG: "Target"}, {TAG: ""}, {"Event-Bus-Prod": "target"}],
)
def test_an_untagged_resource_is_refused_with_the_command_that_tags_it(
    target: AwsTarget, tags: Tags
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        opt_ins(Tagged(tags)).require(target)
    [fault] = refusal.value.faults
    assert (
        fault.pointer
        == {
            "sqs": "/target/queue",
            "sns": "/target/topic",
            "lambda": "/target/function",
            "eventbridge": "/target/event_bus",
        }[target.type]
    )
    assert fault.detail.endswith(f": {COMMANDS[target]}")


@pytest.mark.parametrize(
    "code",
    [
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        "NotFound",
        "ResourceNotFoundException",
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
    ],
)
def test_a_missing_and_an_untagged_resource_get_the_same_answer(code: str) -> None:
    for target in COMMANDS:
        said = []
        for client in (Tagged({}), Tagged({}, code)):
            with pytest.raises(InvalidRequest) as refusal:
                opt_ins(client).require(target)
            said.append(refusal.value.document())
        assert said[0] == said[1]


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalFailure", "RequestThrottled"])
def test_a_service_that_cannot_answer_decides_nothing(code: str) -> None:
    with pytest.raises(ClientError):
        opt_ins(Tagged({}, code)).require(QUEUE)


@pytest.mark.parametrize(
    "target",
    [
        HttpTarget("https://shop.example/"),
        InboxTarget("pull"),
        SqsTarget("", "", managed=True),
        replace(TOPIC, role_arn=f"arn:aws:iam::{ACCOUNT}:role/event-bus-x"),
        SnsTarget(f"arn:aws:sns:{REGION}:111111111111:orders"),
    ],
)
def test_a_target_that_is_permitted_otherwise_needs_no_tag(target: Target) -> None:
    client = Tagged({})
    opt_ins(client).require(target)
    assert client.asked == []


def test_the_settings_may_name_resources_that_need_no_tag() -> None:
    client = Tagged({})
    allowing = opt_ins(client, f"arn:aws:sqs:{REGION}:*:ord*", f"arn:aws:lambda:{HERE}:function:*")
    allowing.require(QUEUE)
    allowing.require(replace(FUNCTION, function=f"{FUNCTION.function}:live"))
    assert client.asked == []
    with pytest.raises(InvalidRequest):
        allowing.require(TOPIC)


def test_versions_and_aliases_have_the_tags_of_their_function() -> None:
    client = Tagged({TAG: "target"})
    opt_ins(client).require(replace(FUNCTION, function=f"{FUNCTION.function}:live"))
    assert client.asked == [{"Resource": FUNCTION.function}]


@pytest.fixture
def service() -> Iterator[Callable[[str], Any]]:
    """Makes clients of services that moto mocks."""
    with mock_aws():
        yield lambda name: boto3.client(name, region_name=REGION)  # type: ignore[call-overload]


def test_the_tags_of_resources_are_read(service: Callable[[str], Any]) -> None:
    """The commands in the refusals are these calls."""
    url = service("sqs").create_queue(QueueName="orders")["QueueUrl"]
    arn = service("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])[
        "Attributes"
    ]["QueueArn"]
    queue = SqsTarget(arn, url)
    topic = SnsTarget(service("sns").create_topic(Name="orders")["TopicArn"])
    event_bus = EventBridgeTarget(service("events").create_event_bus(Name="orders")["EventBusArn"])
    account = arn.split(":")[4]
    checks = OptIns(account, TAG, [], service)
    made: list[AwsTarget] = [queue, topic, event_bus]
    for target in made:
        with pytest.raises(InvalidRequest):
            checks.require(target)
    tag: Any = [{"Key": TAG, "Value": "target"}]
    service("sqs").tag_queue(QueueUrl=url, Tags={TAG: "target"})
    service("sns").tag_resource(ResourceArn=topic.topic, Tags=tag)
    service("events").tag_resource(ResourceARN=event_bus.event_bus, Tags=tag)
    for target in made:
        checks.require(target)
