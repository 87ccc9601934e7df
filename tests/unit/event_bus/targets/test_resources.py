"""A subscription names resources of its own, and none that the bus must not deliver to."""

from collections.abc import Callable

import pytest
from event_bus.targets.eventbridge import check_event_bus
from event_bus.targets.lambda_function import FUNCTIONS
from event_bus.targets.resources import check_role
from event_bus.targets.sns import TOPICS
from event_bus.targets.sqs import check_queue, queue_arn, queue_url

check_topic, check_function = TOPICS.check, FUNCTIONS.check

ENVIRONMENT = {
    "AWS_REGION": "eu-central-1",
    "PARTITION": "aws",
    "URL_SUFFIX": "amazonaws.com",
    "TARGET_ACCOUNTS": "111111111111,222222222222",
    "STAGE": "prod",
}

SQS = "arn:aws:sqs:eu-central-1:111111111111:"
SNS = "arn:aws:sns:eu-central-1:111111111111:"
LAMBDA = "arn:aws:lambda:eu-central-1:111111111111:"
BUS = "arn:aws:events:eu-central-1:111111111111:"
URL = "https://sqs.eu-central-1.amazonaws.com/111111111111/"


@pytest.fixture(autouse=True)
def _told(monkeypatch: pytest.MonkeyPatch, tell: Callable[..., None]) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    tell(**ENVIRONMENT)


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (check_queue, SQS + "orders"),
        (check_queue, SQS + "orders.fifo"),
        (check_queue, "arn:aws:sqs:eu-central-1:222222222222:orders"),
        (check_queue, URL + "orders.fifo"),
        (check_queue, SQS + "event-business"),
        # What another account owns is its own to open or to keep closed.
        (check_queue, "arn:aws:sqs:eu-central-1:222222222222:event-bus-prod-orders"),
        (check_topic, "arn:aws:sns:eu-central-1:111111111111:orders.fifo"),
        (check_function, LAMBDA + "function:bill"),
        (check_function, LAMBDA + "function:bill:live"),
        (check_function, LAMBDA + "function:bill:$LATEST"),
        (check_event_bus, BUS + "event-bus/default"),
        (check_event_bus, BUS + "event-bus/event-bus-prod"),
        (check_event_bus, BUS + "event-bus/aws.partner/example.com/x"),
        (check_role, "arn:aws:iam::222222222222:role/event-bus-delivery"),
        (check_role, "arn:aws:iam::222222222222:role/teams/event-bus-delivery"),
    ],
)
def test_valid_resource_names_are_accepted(check: Callable[[str], None], name: str) -> None:
    check(name)


_THEIRS = (
    "^must not be a resource of this bus or of another stage: names that begin with event-bus- or "
    "eventbus- are theirs$"
)


@pytest.mark.parametrize(
    ("check", "name", "said"),
    [
        (check_queue, "", "ARN or the URL"),
        (check_queue, "orders", "ARN or the URL"),
        (check_queue, SQS, "ARN or the URL"),
        (check_queue, SQS + "a/b", "ARN or the URL"),
        (check_queue, SQS + "x" * 81, "ARN or the URL"),
        (check_queue, SQS + "orders\n", "ARN or the URL"),
        (check_queue, "https://evil.example/111111111111/orders", "ARN or the URL"),
        (check_queue, URL.replace("eu-central-1", "eu-west-1") + "orders", "ARN or the URL"),
        (check_queue, LAMBDA + "function:bill", "SQS queue"),
        (check_queue, "arn:aws:sqs:eu-west-1:111111111111:orders", "region, eu-central-1"),
        (check_queue, "arn:aws-cn:sqs:eu-central-1:111111111111:orders", "region"),
        (
            check_queue,
            "arn:aws:sqs:eu-central-1:333333333333:orders",
            "setting target_accounts names, not in 333333333333",
        ),
        (check_queue, SQS + "event-bus-prod-bus-HttpLaneQueue", _THEIRS),
        (check_topic, SQS + "orders", "SNS topic"),
        (check_function, LAMBDA + "bill", "Lambda function"),
        (check_function, LAMBDA + "function:event-bus-prod-api-Publish", "of this bus"),
        (check_function, LAMBDA + "function:event-bus-prod-api-Publish:live", "of this bus"),
        (check_queue, SQS + "event-bus-dev-bus-HttpLaneQueue", "another stage"),
        (check_queue, SQS + "eventbus-dev-sub_1", "another stage"),
        (check_queue, URL + "eventbus-prod-sub_1.fifo", "of this bus"),
        (check_topic, SNS + "event-bus-prod-operations-Alarms", "of this bus"),
        (check_topic, SNS + "event-bus-dev-operations-Alarms", "another stage"),
        (check_function, LAMBDA + "function:event-bus-dev-api-Publish", "another stage"),
        (check_event_bus, BUS + "event-bus/event-bus-dev", "another stage"),
        (check_event_bus, BUS + "rule/x", "Classic event bus"),
        (check_role, "arn:aws:iam::222222222222:role/admin", "begins with event-bus-"),
        (
            check_role,
            "arn:aws:iam::333333333333:role/event-bus-x",
            "setting target_accounts names, not in 333333333333",
        ),
        (
            check_role,
            "arn:aws:iam::222222222222:user/event-bus-x",
            "^must be the ARN of an IAM role$",
        ),
    ],
)
def test_invalid_resource_names_are_refused_with_the_reason(
    check: Callable[[str], None], name: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        check(name)


def test_a_queue_is_known_by_its_arn_and_its_url() -> None:
    assert queue_arn(URL + "orders") == SQS + "orders"
    assert queue_url(SQS + "orders") == URL + "orders"
    assert queue_url(URL + "orders") == URL + "orders"
