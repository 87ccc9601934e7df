"""Queues, topics, functions and event buses that teams have in the account of the bus."""

import io
import time
import zipfile
from typing import Any

import orjson

from tests.end_to_end.world import World

TAG = "event-bus-local"
OPTED_IN = {TAG: "target"}
"""The tag by which an owner permits the bus to deliver to a resource."""

LISTED: Any = [{"Key": TAG, "Value": "target"}]
"""The same, as most services write it."""


class SubscriberQueue:
    """A subscriber's queue, and the consumer that works on it."""

    def __init__(
        self, world: World, name: str, tags: dict[str, str] = OPTED_IN, **attributes: str
    ) -> None:
        self._sqs = world.bus.sqs
        given: Any = attributes
        self.url = self._sqs.create_queue(QueueName=name, Attributes=given, tags=tags)["QueueUrl"]
        self.arn = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]

    @classmethod
    def known(cls, world: World, url: str) -> "SubscriberQueue":
        """Returns a queue that already exists."""
        queue = cls.__new__(cls)
        queue._sqs, queue.url = world.bus.sqs, url
        return queue

    def let_in(self, service: str, source: str) -> None:
        """Permits a service of AWS to send to it, for one of its resources."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        }
        self._sqs.set_queue_attributes(
            QueueUrl=self.url, Attributes={"Policy": policy_of(statement)}
        )

    def remove(self) -> None:
        """Removes it."""
        self._sqs.delete_queue(QueueUrl=self.url)

    def take(self, count: int, *, delete: bool = True, seconds: float = 30) -> list[dict[str, Any]]:
        """Waits for a number of messages, and returns them."""
        taken: list[dict[str, Any]] = []
        deadline = time.monotonic() + seconds
        while len(taken) < count:
            assert time.monotonic() < deadline, f"{len(taken)} of {count} messages came"
            answer: Any = self._sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=1,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            for message in answer.get("Messages", []):
                taken.append(message)
                if delete:
                    self._sqs.delete_message(
                        QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                    )
        return taken


def policy_of(*statements: dict[str, Any]) -> str:
    """An IAM policy."""
    return orjson.dumps({"Version": "2012-10-17", "Statement": statements}).decode()


def made_function(world: World, code: str) -> str:
    """Deploys a function that is opted in.

    Args:
        world: The bus.
        code: A module with a `handler`.

    Returns:
        Its ARN.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("code.py", code)
    client, name = world.bus.client("lambda"), world.name("bill")
    made = client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=_role_for("lambda", world, name),
        Handler="code.handler",
        Code={"ZipFile": packed.getvalue()},
        Tags=OPTED_IN,
    )
    return str(made["FunctionArn"])


def made_state_machine(world: World, *, opted_in: bool) -> str:
    """Makes a state machine that ends at once, and returns its ARN."""
    name = world.name("ship")
    definition = {"StartAt": "Ship", "States": {"Ship": {"Type": "Succeed"}}}
    made = world.bus.client("stepfunctions").create_state_machine(
        name=name,
        definition=orjson.dumps(definition).decode(),
        roleArn=_role_for("states", world, name),
        tags=[{"key": TAG, "value": "target"}] if opted_in else [],
    )
    return str(made["stateMachineArn"])


def _role_for(service: str, world: World, name: str) -> str:
    """Makes a role that a service of AWS takes on, and returns its ARN."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    made = world.bus.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=policy_of(trust)
    )
    return str(made["Role"]["Arn"])
