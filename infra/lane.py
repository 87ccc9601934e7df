"""A delivery lane: the way of one protocol from the router to the subscribers."""

import aws_cdk as cdk
from constructs import Construct

from infra.data import DataStack
from infra.function import BusFunction, Layers
from infra.queue import WorkQueue
from infra.settings import Settings

_TIMEOUT = cdk.Duration.seconds(60)


class Lane(Construct):
    """A queue, its redrive queue, the function that works it, and that function's role.

    The lanes share their code and nothing else: one that is slow or broken holds up no other.

    Attributes:
        work: The queue and its redrive queue.
        deliver: The function.
        redrive: The function that makes dead letters of what the lane gave up.
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
        self.url_variable = f"{protocol.upper()}_LANE_URL"
        self.work = WorkQueue(self, construct_id, consumer_timeout=_TIMEOUT, settings=settings)
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
        self.redrive.use_queue(self.url_variable, self.work.queue, "SendMessage")
        self.redrive.use_retention()
        self.redrive.consume(self.work.redrive)
