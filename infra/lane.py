"""A delivery lane: the way from the router to the subscribers with one type of target."""

import aws_cdk as cdk
from constructs import Construct
from event_bus.encryption import signing_secrets
from event_bus.model.delivery import LANE_FUNCTION_SECONDS
from event_bus.queues.message import PACED_KINDS, LaneKind, lane_name
from event_bus.targets.lambda_function import FUNCTIONS
from event_bus.targets.registry import TARGETS

from infra.concurrency import lane_concurrency, paced_share
from infra.data import DataStack
from infra.enrichment import CALLED_BY_LANES, EnrichmentLane
from infra.function import BusFunction
from infra.layers import Layers
from infra.queue import WorkQueue
from infra.settings import DeploymentSettings
from infra.target_grants import deliver_to, deny_own

_TIMEOUT = cdk.Duration.seconds(LANE_FUNCTION_SECONDS)
# For each lane; Lambda requires at least this.
_REDRIVE_CONCURRENCY = 2


class Lane(Construct):
    """A queue, its redrive queue, the function that delivers its messages, and the function's role.

    The lanes share only their code, so a slow or broken one does not affect the others. A target
    whose subscribers may answer slowly has three.

    Attributes:
        name: The lane's name: its protocol, with a suffix unless it is the main lane.
        protocol: The protocol, as the registry of targets names the lane.
        target: The target that it delivers to.
        work: The queue and its redrive queue.
        deliver: The function.
        url_variable: The environment variable with the queue's URL.
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
        settings: DeploymentSettings,
        kind: LaneKind = "main",
    ) -> None:
        """Makes the lane.

        Args:
            scope: The parent construct.
            construct_id: Its id in the parent construct.
            protocol: The protocol, as the registry of targets names the lane.
            concurrency: How many functions deliver in parallel.
            layers: The layers under the function.
            data: What is stored.
            settings: The settings of the deployment.
            kind: Which of the target's lanes it is.
        """
        super().__init__(scope, construct_id)
        self.protocol = protocol
        self.target = TARGETS.of_lane(protocol)
        self.name = lane_name(protocol, kind)
        self.url_variable = f"{self.name.upper()}_LANE_URL"
        self.work = WorkQueue(
            self, f"{construct_id}Lane", consumer_timeout=_TIMEOUT, settings=settings
        )
        self.deliver = BusFunction(
            self,
            "Deliver",
            folder="deliver",
            name=f"deliver_{self.name}",
            layers=layers,
            timeout=_TIMEOUT,
        )
        self.deliver.set_variable("LANE", self.name)
        self._permit(data)
        if kind != "main":
            # So that no subscription takes the lane from the others.
            self.deliver.set_variable("PACED_SHARE", paced_share(concurrency))
        self.deliver.consume(self.work.queue, max_concurrency=concurrency)
        self.deliver.allow_recursion(
            "Each message is an attempt that the retry policy counts, a wait for the turn of its "
            "subscription or for a stream that is being worked, or a stream's next stored event."
        )

    def _permit(self, data: DataStack) -> None:
        """Lets the function do what every lane does; `DeliveryLanes` adds what the target needs."""
        self.deliver.use_table(data.subscriptions, "BatchGetItem", "GetItem", "PutItem")
        self.deliver.use_table(data.changes, "PutItem", "Query")
        self.deliver.read_rights(data, "BatchGetItem")
        self.deliver.use_table(data.circuits, "BatchGetItem", "DeleteItem", "PutItem")
        self.deliver.use_table(data.cursors, "GetItem", "UpdateItem")
        self.deliver.use_table(data.streams, "BatchGetItem", "GetItem", "Query")
        self.deliver.use_table(data.deliveries, "BatchGetItem", "GetItem", "UpdateItem")
        self.deliver.use_table(data.events, "BatchGetItem", "GetItem", "PutItem")
        self.deliver.use_table(data.replays, "GetItem")
        self.deliver.use_bucket(data.payloads, "GetObject")
        self.deliver.use_queue(self.url_variable, self.work.queue, "SendMessage")
        self.deliver.use_retention()
        if self.target.settings.paced:
            self.deliver.use_table(data.circuits, "GetItem")


class DeliveryLanes(Construct):
    """The lanes of all targets, and the function that makes dead letters of what they give up.

    Attributes:
        all: The lanes.
        enrichment: The lane in which events are enriched before they reach the lane of a target.
        redrive: The function that handles the messages of their redrive queues.
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
        self._settings = settings

        def make(protocol: str, kind: LaneKind = "main") -> Lane:
            name = TARGETS.of_lane(protocol).name
            return Lane(
                self,
                name if kind == "main" else f"{name}{kind.capitalize()}",
                protocol=protocol,
                kind=kind,
                concurrency=lane_concurrency(lane_name(protocol, kind), settings),
                layers=layers,
                data=data,
                settings=settings,
            )

        self.all = [make(protocol) for protocol in TARGETS.lanes]
        for lane in [each for each in self.all if each.target.settings.paced]:
            paced, slow = (make(lane.protocol, kind) for kind in PACED_KINDS)
            for sender, to in ((lane, paced), (lane, slow), (paced, slow), (slow, paced)):
                sender.deliver.use_queue(to.url_variable, to.work.queue, "SendMessage")
            self.all += [paced, slow]
        self.enrichment = EnrichmentLane(
            self, "Enrichment", layers=layers, data=data, settings=settings
        )
        for lane in self.all:
            self._grant(lane, data)
            # An inbox contains references to events, and no copies that an enrichment could change.
            if lane.target.grants.payloads != "passes":
                self.enrichment.send_from(lane.deliver)
                self.enrichment.call_from(lane.deliver)
        self.send_from(self.enrichment.enrich)
        self.redrive = self._redrive(layers, data)

    def _redrive(self, layers: Layers, data: DataStack) -> BusFunction:
        redrive = BusFunction(
            self,
            "Redrive",
            folder="redrive",
            layers=layers,
            timeout=_TIMEOUT,
        )
        redrive.use_table(data.subscriptions, "GetItem")
        redrive.use_table(data.deliveries, "GetItem", "UpdateItem")
        redrive.use_table(data.events, "BatchGetItem")
        redrive.read_archive(data.payloads)
        redrive.detect_missing_objects(data.payloads)
        redrive.use_retention()
        self.send_from(redrive)
        sources = {
            **{f"{lane.node.id}Source": lane.work for lane in self.all},
            "EnrichSource": self.enrichment.work,
        }
        for name, work in sources.items():
            redrive.consume(work.redrive, max_concurrency=_REDRIVE_CONCURRENCY, name=name)
        redrive.allow_recursion(
            "The crash counts as an attempt of the retry policy. Only a stream's next stored event "
            "is sent, once the delivery before it has ended. If a lane crashes with every message, "
            "a message comes back only after five visibility timeouts."
        )
        return redrive

    def _grant(self, lane: Lane, data: DataStack) -> None:
        """Lets the function of a lane do what its target needs."""
        deliver, grants = lane.deliver, lane.target.grants
        if grants.resources:
            deliver_to(deliver, grants.resources, self._settings)
        if grants.callbacks:
            deliver.call_back()
            deliver.use_sealing_key(data.sealing_key, signing_secrets.PURPOSE, "Decrypt")
        if grants.payloads == "opens":
            deliver.open_payloads(data)
        elif grants.payloads == "seals":
            deliver.seal_payloads(data)
        for table, actions in grants.tables.items():
            deliver.use_table(data.table(table), *actions)
        for action in grants.bucket:
            deliver.use_bucket(data.payloads, action)

    def deny_own_resources(self, *others: WorkQueue) -> None:
        """Denies the delivering functions the resources of the bus.

        Args:
            others: Its queues that belong to no lane.
        """
        queues = [
            queue
            for work in (*(each.work for each in self.all), self.enrichment.work, *others)
            for queue in (work.queue, work.redrive)
        ]
        for lane in self.all:
            resources = lane.target.grants.resources
            if resources is None:
                continue
            if resources.service == "sqs":
                # Queue by queue, and not by a prefix: the lane's own queue, where retries go, has
                # it as well.
                used = (lane.work.queue, self.enrichment.work.queue)
                arns = [each.queue_arn for each in queues if each not in used]
                lane.deliver.deny("sqs", "SendMessage", arns, apart=True)
            else:
                called = CALLED_BY_LANES if resources is FUNCTIONS else None
                deny_own(lane.deliver, resources, self._settings, called)
        deny_own(self.enrichment.enrich, FUNCTIONS, self._settings)

    def send_from(self, function: BusFunction) -> None:
        """Lets a function send messages to every main lane.

        The lanes of a protocol move messages among themselves.
        """
        for lane in self.all:
            if lane.name == lane.protocol:
                function.use_queue(lane.url_variable, lane.work.queue, "SendMessage")
