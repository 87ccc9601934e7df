"""The enrichment lane, in which events are enriched before they reach their lane."""

import aws_cdk as cdk
from constructs import Construct
from event_bus.encryption import signing_secrets
from event_bus.model.delivery import LANE_FUNCTION_SECONDS
from event_bus.queues.message import ENRICH
from event_bus.targets.lambda_function import FUNCTIONS

from infra.concurrency import lane_concurrency, paced_share
from infra.data import DataStack
from infra.function import BusFunction
from infra.layers import Layers
from infra.queue import WorkQueue
from infra.settings import DeploymentSettings
from infra.target_grants import deliver_to

_TIMEOUT = cdk.Duration.seconds(LANE_FUNCTION_SECONDS)

CALLED_BY_LANES = "event-bus-called-by", "lanes"
"""The tag of the function that lanes may call although it is the bus's own."""


class EnrichmentLane(Construct):
    """A queue, its redrive queue, the function that enriches events, and the function's role.

    Attributes:
        work: The queue and its redrive queue.
        enrich: The function.
        url_variable: The environment variable with the queue's URL.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        layers: Layers,
        data: DataStack,
        settings: DeploymentSettings,
    ) -> None:
        super().__init__(scope, construct_id)
        self.url_variable = f"{ENRICH.upper()}_LANE_URL"
        self.work = WorkQueue(self, "EnrichLane", consumer_timeout=_TIMEOUT, settings=settings)
        self.enrich = BusFunction(self, "Enrich", folder="enrich", layers=layers, timeout=_TIMEOUT)
        cdk.Tags.of(self.enrich.function).add(*CALLED_BY_LANES)
        self.enrich.use_table(data.subscriptions, "BatchGetItem")
        self.enrich.read_rights(data, "BatchGetItem")
        self.enrich.use_table(data.deliveries, "GetItem", "UpdateItem")
        self.enrich.use_table(data.events, "BatchGetItem")
        self.enrich.use_bucket(data.payloads, "GetObject")
        self.enrich.use_table(data.contexts, "GetItem")
        # The circuits of enrichment sources, and how fast they answer.
        self.enrich.use_table(data.circuits, "BatchGetItem", "DeleteItem", "GetItem", "PutItem")
        self.enrich.use_sealing_key(data.sealing_key, signing_secrets.PURPOSE, "Decrypt")
        # The schemas of events, since a subscription may ask for another version.
        self.enrich.use_table(data.publishers, "GetItem")
        self.enrich.use_queue(self.url_variable, self.work.queue, "SendMessage")
        self.enrich.use_retention()
        self.enrich.call_back()
        deliver_to(self.enrich, FUNCTIONS, settings)
        concurrency = lane_concurrency(ENRICH, settings)
        # So that slow sources do not take the lane from the others.
        self.enrich.set_variable("PACED_SHARE", paced_share(concurrency))
        self.enrich.consume(self.work.queue, max_concurrency=concurrency)
        self.enrich.allow_recursion(
            "Each message is an attempt that the retry policy counts, waits for a function with a "
            "growing delay, or continues to its target."
        )

    def send_from(self, function: BusFunction) -> None:
        """Lets a function send messages to the lane."""
        function.use_queue(self.url_variable, self.work.queue, "SendMessage")

    def call_from(self, function: BusFunction) -> None:
        """Lets a function have single events enriched while it waits."""
        function.allow("lambda", ["InvokeFunction"], [self.enrich.function.function_arn])
        function.set_variable("ENRICH_FUNCTION", self.enrich.function.function_name)
