"""A delivery lane: the way of one protocol from the router to the subscribers."""

import aws_cdk as cdk
from constructs import Construct
from event_bus.security import signing_secrets

from infra.data import DataStack
from infra.function import BusFunction, Layers
from infra.queue import WorkQueue
from infra.settings import Settings

_TIMEOUT = cdk.Duration.seconds(60)

_AWS_TARGETS = {
    "Sqs": ("sqs", "SendMessage", "*"),
    "Sns": ("sns", "Publish", "*"),
    "Lambda": ("lambda", "InvokeFunction", "function:*"),
    "EventBridge": ("events", "PutEvents", "event-bus/*"),
}
"""What each lane may do: the service, the action, and the resources in the accounts allowed."""


class Lane(Construct):
    """A queue, its redrive queue, the function that works it, and that function's role.

    The lanes share their code and nothing else: one that is slow or broken holds up no other.

    Attributes:
        protocol: The protocol.
        work: The queue and its redrive queue.
        deliver: The function.
        url_variable: The environment variable that tells a function the queue's URL.
        redrive_variable: The one that tells it the redrive queue's.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        protocol: str,
        concurrency: int,
        layers: Layers,
        data: DataStack,
        settings: Settings,
    ) -> None:
        """Makes the lane.

        Args:
            scope: What it is part of.
            construct_id: Its name there.
            protocol: The protocol; the function's folder is named after it.
            concurrency: How many functions deliver side by side.
            layers: The layers under the function.
            data: What is stored.
            settings: The settings of the deployment.
        """
        super().__init__(scope, construct_id)
        self.protocol = protocol
        self.url_variable = f"{protocol.upper()}_LANE_URL"
        self.redrive_variable = f"{protocol.upper()}_LANE_REDRIVE_URL"
        self.work = WorkQueue(
            self, f"{construct_id}Lane", consumer_timeout=_TIMEOUT, settings=settings
        )
        self.deliver = BusFunction(
            self,
            "Deliver",
            folder=f"deliver_{protocol}",
            layers=layers,
            settings=settings,
            timeout=_TIMEOUT,
        )
        self.deliver.use_table(data.subscriptions, "BatchGetItem", "GetItem", "PutItem")
        self.deliver.use_table(data.changes, "PutItem", "Query")
        self.deliver.use_table(data.circuits, "BatchGetItem", "DeleteItem", "PutItem")
        self.deliver.use_table(data.cursors, "UpdateItem")
        self.deliver.use_table(data.streams, "Query")
        self.deliver.use_table(data.deliveries, "BatchGetItem", "GetItem", "UpdateItem")
        self.deliver.use_table(data.events, "GetItem", "PutItem")
        self.deliver.use_bucket(data.payloads, "GetObject")
        self.deliver.use_queue(self.url_variable, self.work.queue, "SendMessage")
        self.deliver.use_retention()
        self.deliver.consume(self.work.queue, max_concurrency=concurrency)
        self.deliver.allow_recursion(
            "Each message is an attempt that the retry policy counts, a wait for the same stream "
            "in another function's hands, or the next stored event of a stream."
        )


class Lanes(Construct):
    """A lane for each protocol, and what makes dead letters of what they give up.

    Attributes:
        all: The lanes.
        redrive: The function that works their redrive queues.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        layers: Layers,
        data: DataStack,
        settings: Settings,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = settings.stage
        self.all = [
            Lane(
                self,
                name,
                protocol=name.lower(),
                concurrency=settings.http_lane_concurrency
                if name == "Http"
                else settings.aws_lane_concurrency,
                layers=layers,
                data=data,
                settings=settings,
            )
            for name in ("Http", "Inbox", *_AWS_TARGETS)
        ]
        for lane in self.all:
            if target := _AWS_TARGETS.get(lane.node.id):
                lane.deliver.deliver_to(*target)
        self.of("inbox").use_table(data.inbox, "GetItem", "PutItem", "UpdateItem")
        self.of("http").know_callbacks()
        self.of("http").use_sealing_key(data.sealing_key, signing_secrets.PURPOSE, "Decrypt")
        for lane in self.all:
            # An inbox keeps no events; whoever reads it opens them.
            if lane.protocol not in ("inbox", "lambda"):
                lane.deliver.open_payloads(data)
        self.of("lambda").seal_payloads(data)
        self.of("lambda").use_table(data.events, "BatchGetItem")
        self.of("lambda").use_table(data.streams, "PutItem")
        self.of("lambda").use_bucket(data.payloads, "PutObject")
        self.redrive = BusFunction(
            self,
            "Redrive",
            folder="redrive",
            layers=layers,
            settings=settings,
            timeout=_TIMEOUT,
        )
        self.redrive.use_table(data.subscriptions, "GetItem")
        self.redrive.use_table(data.deliveries, "GetItem", "UpdateItem")
        self.redrive.use_retention()
        self.send_from(self.redrive)
        for lane in self.all:
            self.redrive.consume(lane.work.redrive, name=f"{lane.node.id}Source")

    def spare(self, *others: WorkQueue) -> None:
        """Keeps those who deliver to AWS from the resources of the bus.

        Args:
            others: Its queues that belong to no lane.
        """
        queues = [
            queue
            for work in (*(each.work for each in self.all), *others)
            for queue in (work.queue, work.redrive)
        ]
        for lane in self.all:
            if target := _AWS_TARGETS.get(lane.node.id):
                service, action, resources = target
                if service == "sqs":
                    # Not by how their names begin: so does its own queue's, where retries go.
                    arns = [each.queue_arn for each in queues if each is not lane.work.queue]
                else:
                    arns = [self._own(service, resources.removesuffix("*"))]
                lane.deliver.spare(service, action, arns)

    def _own(self, service: str, kind: str) -> str:
        here = f"arn:{cdk.Aws.PARTITION}:{service}:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}"
        return f"{here}:{kind}event-bus-{self._stage}-*"

    def of(self, protocol: str) -> BusFunction:
        """The function that delivers over a protocol."""
        [lane] = [each for each in self.all if each.protocol == protocol]
        return lane.deliver

    def send_from(self, function: BusFunction) -> None:
        """Lets a function send messages to every lane."""
        for lane in self.all:
            function.use_queue(lane.url_variable, lane.work.queue, "SendMessage")
