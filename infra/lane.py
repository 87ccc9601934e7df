"""A delivery lane: the way of one protocol from the router to the subscribers."""

import aws_cdk as cdk
from constructs import Construct

from infra.data import DataStack
from infra.function import BusFunction, Layers
from infra.queue import MAX_RECEIVES, WorkQueue
from infra.settings import Settings

_TIMEOUT = cdk.Duration.seconds(60)


class Lane(Construct):
    """A queue, its redrive queue, the function that works it, and that function's role.

    The lanes share their code and nothing else: one that is slow or broken holds up no other.

    Attributes:
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
        self.deliver.use_table(data.subscriptions, "GetItem", "BatchGetItem")
        self.deliver.use_table(data.deliveries, "UpdateItem", "PutItem")
        self.deliver.use_table(data.events, "GetItem", "BatchGetItem")
        self.deliver.use_bucket(data.payloads, "GetObject")
        self.deliver.use_queue(self.url_variable, self.work.queue, "ChangeMessageVisibility")
        self.deliver.use_retention()
        self.deliver.tell("LANE_ATTEMPTS", str(MAX_RECEIVES))
        self.deliver.consume(self.work, max_concurrency=concurrency)
