"""A delivery lane: the way of one protocol from the router to the subscribers."""

import aws_cdk as cdk
from constructs import Construct
from event_bus.encryption import signing_secrets
from event_bus.model.target import PACED_PROTOCOLS
from event_bus.queues.message import paced_lane

from infra.concurrency import lane_concurrency
from infra.data import DataStack
from infra.function import BusFunction, Layers
from infra.queue import WorkQueue
from infra.settings import Settings
from infra.target_grants import AWS_TARGETS, deliver_to, deny_own

_TIMEOUT = cdk.Duration.seconds(60)
# Of each lane: the least that Lambda takes.
_REDRIVE_CONCURRENCY = 2

_PROTOCOLS = ("Http", "Inbox", "Sqs", "Sns", "Lambda", "EventBridge")


class Lane(Construct):
    """A queue, its redrive queue, the function that works it, and that function's role.

    The lanes share their code and nothing else: one that is slow or broken holds up no other. A
    protocol whose subscribers may take long to answer has two.

    Attributes:
        name: The lane's name: its protocol, and whether it is the paced one.
        protocol: The protocol.
        work: The queue and its redrive queue.
        deliver: The function.
        url_variable: The environment variable that tells a function the queue's URL.
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
        paced: bool = False,
    ) -> None:
        """Makes the lane.

        Args:
            scope: What it is part of.
            construct_id: Its name there.
            protocol: The protocol; the function's folder is named after the lane.
            concurrency: How many functions deliver side by side.
            layers: The layers under the function.
            data: What is stored.
            settings: The settings of the deployment.
            paced: Whether it is the lane of the protocol's slow and limited subscriptions.
        """
        super().__init__(scope, construct_id)
        self.protocol = protocol
        self.name = paced_lane(protocol) if paced else protocol
        self.url_variable = f"{self.name.upper()}_LANE_URL"
        self.work = WorkQueue(
            self, f"{construct_id}Lane", consumer_timeout=_TIMEOUT, settings=settings
        )
        self.deliver = BusFunction(
            self,
            "Deliver",
            folder=f"deliver_{self.name}",
            layers=layers,
            settings=settings,
            timeout=_TIMEOUT,
        )
        self.deliver.use_table(data.subscriptions, "BatchGetItem", "GetItem", "PutItem")
        self.deliver.use_table(data.changes, "PutItem", "Query")
        self.deliver.know_rights(data, "BatchGetItem")
        self.deliver.use_table(data.circuits, "BatchGetItem", "DeleteItem", "PutItem")
        self.deliver.use_table(data.cursors, "UpdateItem")
        self.deliver.use_table(data.streams, "Query")
        self.deliver.use_table(data.deliveries, "BatchGetItem", "GetItem", "UpdateItem")
        self.deliver.use_table(data.events, "GetItem", "PutItem")
        self.deliver.use_bucket(data.payloads, "GetObject")
        self.deliver.use_queue(self.url_variable, self.work.queue, "SendMessage")
        self.deliver.use_retention()
        if protocol in PACED_PROTOCOLS:
            self.deliver.use_table(data.circuits, "GetItem")
        if paced:
            # So that no subscription takes the lane from the others.
            self.deliver.tell("PACED_SHARE", str(max(1, concurrency // 2)))
        self.deliver.consume(self.work.queue, max_concurrency=concurrency)
        self.deliver.allow_recursion(
            "Each message is an attempt that the retry policy counts, a wait for the turn of its "
            "subscription or for a stream that is being worked, or a stream's next stored event."
        )


class Lanes(Construct):
    """The lanes of each protocol, and what makes dead letters of what they give up.

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
        self._settings = settings

        def make(name: str, *, paced: bool = False) -> Lane:
            protocol = name.lower()
            lane = paced_lane(protocol) if paced else protocol
            return Lane(
                self,
                f"{name}Paced" if paced else name,
                protocol=protocol,
                paced=paced,
                concurrency=lane_concurrency(lane, settings),
                layers=layers,
                data=data,
                settings=settings,
            )

        self.all = [make(name) for name in _PROTOCOLS]
        for lane in [each for each in self.all if each.protocol in PACED_PROTOCOLS]:
            paced = make(lane.node.id, paced=True)
            lane.deliver.use_queue(paced.url_variable, paced.work.queue, "SendMessage")
            self.all.append(paced)
        for lane in self.all:
            self._grant(lane, data)
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
            self.redrive.consume(
                lane.work.redrive,
                max_concurrency=_REDRIVE_CONCURRENCY,
                name=f"{lane.node.id}Source",
            )

    def _grant(self, lane: Lane, data: DataStack) -> None:
        """Lets the function of a lane do what its protocol needs."""
        deliver = lane.deliver
        if lane.protocol in AWS_TARGETS:
            deliver_to(deliver, lane.protocol, self._settings)
        if lane.protocol == "http":
            deliver.call_back()
            deliver.use_sealing_key(data.sealing_key, signing_secrets.PURPOSE, "Decrypt")
        if lane.protocol == "inbox":
            # It keeps no events; whoever reads it opens them.
            deliver.use_table(data.inbox, "GetItem", "PutItem", "UpdateItem")
        elif lane.protocol == "lambda":
            deliver.seal_payloads(data)
            deliver.use_table(data.events, "BatchGetItem")
            deliver.use_table(data.streams, "PutItem")
            deliver.use_bucket(data.payloads, "PutObject")
        else:
            deliver.open_payloads(data)

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
            if lane.protocol == "sqs":
                # Not by how their names begin: so does its own queue's, where retries go.
                arns = [each.queue_arn for each in queues if each is not lane.work.queue]
                lane.deliver.deny("sqs", "SendMessage", arns)
            elif lane.protocol in AWS_TARGETS:
                deny_own(lane.deliver, lane.protocol, self._settings)

    def send_from(self, function: BusFunction) -> None:
        """Lets a function send messages to every protocol; its lane hands over to the paced one."""
        for lane in self.all:
            if lane.name == lane.protocol:
                function.use_queue(lane.url_variable, lane.work.queue, "SendMessage")
