"""Which AWS resources a subscription may name as its target.

They must be in the bus's own region and in an account that the deployment allows. They must not
belong to the bus, nor to another stage of it. Whether their owners have opted them in is another
check (`event_bus.registry.opt_ins`).
"""

import re
from dataclasses import dataclass

from event_bus.settings import settings

_ARN = re.compile(r"arn:(aws[a-z-]*):([a-z0-9-]+):([a-z0-9-]*):([0-9]{12}):(.+)", re.ASCII)
_QUEUE_NAME = r"[A-Za-z0-9_-]{1,75}(?:\.fifo)?|[A-Za-z0-9_-]{76,80}"
_TOPIC_NAME = r"[A-Za-z0-9_-]{1,251}(?:\.fifo)?"
_FUNCTION_NAME = r"function:[A-Za-z0-9_-]{1,64}(?::[A-Za-z0-9_$-]{1,128})?"
_EVENT_BUS_NAME = r"event-bus/[A-Za-z0-9._/-]{1,256}"
_ROLE_NAME = r"role/(?:[!-~]{1,510}/)?[A-Za-z0-9+=,.@_-]{1,64}"


@dataclass(frozen=True, slots=True)
class Arn:
    """The parts of an Amazon Resource Name.

    Attributes:
        partition: `aws`, or that of a region apart.
        service: The service.
        region: The region; empty where a resource is in none.
        account: The account.
        resource: The resource.
    """

    partition: str
    service: str
    region: str
    account: str
    resource: str


def check_queue(queue: str) -> None:
    """Refuses what is not the ARN or the URL of a queue that may be sent to.

    Raises:
        ValueError: It is refused.
    """
    _check(queue_arn(queue), "sqs", _QUEUE_NAME, "the ARN or the URL of an SQS queue")


def check_topic(arn: str) -> None:
    """Refuses what is not the ARN of a topic that may be published to.

    Raises:
        ValueError: It is refused.
    """
    _check(arn, "sns", _TOPIC_NAME, "the ARN of an SNS topic")


def check_function(arn: str) -> None:
    """Refuses what is not the ARN of a function that may be invoked.

    Raises:
        ValueError: It is refused.
    """
    _check(arn, "lambda", _FUNCTION_NAME, "the ARN of a Lambda function")


def check_event_bus(arn: str) -> None:
    """Refuses what is not the ARN of an event bus that events may be put on.

    Raises:
        ValueError: It is refused.
    """
    _check(arn, "events", _EVENT_BUS_NAME, "the ARN of an EventBridge event bus")


def check_role(arn: str) -> None:
    """Refuses what is not the ARN of a role that the bus may assume.

    Raises:
        ValueError: It is refused.
    """
    parts = _parts(arn, "iam", _ROLE_NAME, "the ARN of an IAM role")
    _check_account(parts)
    if not parts.resource.rpartition("/")[2].startswith(ROLE_PREFIX):
        raise ValueError(f"must be a role whose name begins with {ROLE_PREFIX}")


ROLE_PREFIX = "event-bus-"
"""How the roles begin that the bus assumes; it may assume no others."""

_NAMES_OF_BUSES = ("event-bus-", "eventbus-")


def queue_arn(queue: str) -> str:
    """The ARN of a queue that is named by its ARN or its URL.

    Raises:
        ValueError: It is neither.
    """
    if queue.startswith("arn:"):
        return queue
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
    found = re.fullmatch(r"https?://([^/]+)/([0-9]{12})/([A-Za-z0-9_-]+(?:\.fifo)?)", queue)
    own = settings()
    if found is None or not (own.local or found[1] == f"sqs.{own.region}.{own.url_suffix}"):
        raise ValueError("must be the ARN or the URL of an SQS queue in the bus's region")
    return f"arn:{own.partition}:sqs:{own.region}:{found[2]}:{found[3]}"


def queue_url(queue: str) -> str:
    """The URL of a queue that is named by its ARN or its URL."""
    if not queue.startswith("arn:"):
        return queue
    parts = _arn(queue, "sqs")
    host = settings().emulator or f"https://sqs.{parts.region}.{settings().url_suffix}"
    return f"{host}/{parts.account}/{parts.resource}"


def _check(arn: str, service: str, resource: str, said: str) -> None:
    parts = _parts(arn, service, resource, said)
    own = settings()
    if (parts.partition, parts.region) != (own.partition, own.region):
        raise ValueError(f"must be in the bus's region, {own.region}")
    _check_account(parts)
    name = re.split("[:/]", parts.resource.removeprefix("function:").removeprefix("event-bus/"))[0]
    if parts.account != own.account or (service, name) == ("events", own.mirror):
        return
    if name.startswith(_NAMES_OF_BUSES):
        raise ValueError(
            "must not be a resource of this bus or of another stage: names that begin with "
            f"{' or '.join(_NAMES_OF_BUSES)} are theirs"
        )


def _check_account(parts: Arn) -> None:
    if parts.account not in settings().target_accounts:
        raise ValueError(f"must be in an account that the bus may deliver to, not {parts.account}")


def _parts(arn: str, service: str, resource: str, said: str) -> Arn:
    try:
        parts = _arn(arn, service)
    except ValueError:
        raise ValueError(f"must be {said}") from None
    if not re.fullmatch(resource, parts.resource, re.ASCII):
        raise ValueError(f"must be {said}")
    return parts


def _arn(arn: str, service: str) -> Arn:
    found = _ARN.fullmatch(arn)
    if found is None or found[2] != service:
        raise ValueError(f"must be an ARN of {service}")
    return Arn(*found.groups())
