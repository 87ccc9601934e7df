"""The stack of the bus itself: the router, the lanes, replays, metrics and the sweeper."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from constructs import Construct
from event_bus.access.opt_in import TAG_VALUE, tag_key
from event_bus.maintenance.due import INTERVAL_SECONDS

from infra.audit import AuditStack
from infra.concurrency import UNROUTABLE_CONCURRENCY
from infra.data import DataStack
from infra.function import BusFunction
from infra.lane import DeliveryLanes
from infra.layers import Layers
from infra.outputs import output
from infra.queue import WorkQueue
from infra.settings import DeploymentSettings
from infra.stack import StageStack
from infra.table_stream import (
    CHANGES,
    STORED_EVENTS,
    Batching,
    TableStreamSource,
    return_given_up,
)
from infra.target_grants import call_reducers

REPLAY_QUEUE_URL = "REPLAY_QUEUE_URL"
"""The environment variable with the URL of the queue of replays."""

_ROUTE_TIMEOUT = cdk.Duration.seconds(60)
# A shard has up to 1,000 events a second, and consecutive calls route 300 of them at a fan-out
# of 5 (docs/architecture/performance.md). Lambda keeps the records of one event in their order.
_ROUTE_PARALLEL = 4
# Each takes ten messages, and each running replay has one message.
_REPLAY_CONCURRENCY = 5
_REPLAY_TIMEOUT = cdk.Duration.seconds(60)
_SWEEP_TIMEOUT = cdk.Duration.seconds(60)
_OBSERVE_TIMEOUT = cdk.Duration.seconds(60)
# Each batch costs five writes, however much it holds.
_COUNT_WINDOW = cdk.Duration.seconds(60)
_SWEEP_INTERVAL = cdk.Duration.minutes(INTERVAL_SECONDS // 60)


class BusStack(StageStack):
    """The functions that route and deliver events, and their queues.

    Attributes:
        route: The function that routes events to lanes.
        unroutable: The queue of events whose routing failed.
        lanes: The lanes of deliveries.
        replays: The queue of replays.
        replay: The function that continues replays.
        sweep: The function that runs every minute.
        observe: The function that counts events and deliveries for metrics.
        events_source: The event source that passes new events to the router.
        changes_source: The event source that passes changes of deliveries to the observer.
        mirror: The EventBridge event bus to which events can be copied.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        data: DataStack,
        audit: AuditStack,
    ) -> None:
        super().__init__(
            scope, construct_id, description="Event bus: routing and delivery", settings=settings
        )
        layers = Layers(self, "Layers", settings=settings)
        self.lanes = DeliveryLanes(self, "Lanes", layers=layers, data=data, settings=settings)
        self.unroutable = WorkQueue(
            self,
            "UnroutableQueue",
            consumer_timeout=_ROUTE_TIMEOUT,
            settings=settings,
            deployed_as="StrandedQueue",
        )
        self.replays = WorkQueue(
            self, "ReplayQueue", consumer_timeout=_REPLAY_TIMEOUT, settings=settings
        )
        self.route = self._router(layers, data, settings)
        self.replay = self._replay(layers, data, settings)
        self.sweep = self._sweep(layers, data)
        self.observe = self._observer(layers, data, settings)
        self.lanes.deny_own_resources(self.unroutable, self.replays, audit.queue)
        self.mirror = self._mirror(settings)
        return_given_up(self, data.failures, "the router", self.unroutable.queue)

    def _router(self, layers: Layers, data: DataStack, settings: DeploymentSettings) -> BusFunction:
        route = BusFunction(
            self,
            "Route",
            folder="route",
            layers=layers,
            memory_mb=1024,
            timeout=_ROUTE_TIMEOUT,
        )
        route.use_table(data.deliveries, "BatchGetItem", "PutItem", "Query", "UpdateItem")
        route.use_table(data.subscriptions, "Scan")
        route.use_table(data.changes, "Query")
        route.read_rights(data, "Scan")
        route.use_table(data.events, "BatchGetItem")
        route.use_bucket(data.payloads, "GetObject")
        self.lanes.send_from(route)
        self.lanes.enrichment.send_from(route)
        route.use_queue("UNROUTABLE_QUEUE_URL", self.unroutable.queue, "SendMessage")
        route.use_retention()
        route.allow_objects(
            data.failures, ["GetObject"], reason="Lambda chooses the names of what it gives up."
        )
        route.consume(self.unroutable.queue, max_concurrency=UNROUTABLE_CONCURRENCY)
        self.events_source = TableStreamSource(
            self,
            "Events",
            table=data.events,
            function=route,
            patterns=STORED_EVENTS,
            # The table stream keeps records for a day. They are given up before they are lost.
            batching=Batching(cdk.Duration.hours(12), parallelization_factor=_ROUTE_PARALLEL),
            failures=data.failures,
            settings=settings,
        )
        # A router knows which categories have read models, and sends messages about their events.
        route.use_table(data.states, "Query")
        route.use_queue(REPLAY_QUEUE_URL, self.replays.queue, "SendMessage")
        return route

    def _mirror(self, settings: DeploymentSettings) -> events.EventBus:
        # It costs nothing until a subscription copies events to it.
        mirror = events.EventBus(
            self,
            "Mirror",
            event_bus_name=f"event-bus-{settings.stage}",
            description="Whatever subscriptions put here, for rules of EventBridge",
        )
        cdk.Tags.of(mirror).add(tag_key(settings.stage), TAG_VALUE)
        output(self, "MirrorArn", mirror.event_bus_arn)
        return mirror

    def _replay(self, layers: Layers, data: DataStack, settings: DeploymentSettings) -> BusFunction:
        replay = BusFunction(
            self,
            "Replay",
            folder="replay",
            layers=layers,
            memory_mb=1024,
            timeout=_REPLAY_TIMEOUT,
        )
        replay.use_table(data.replays, "GetItem", "PutItem")
        replay.use_table(data.subscriptions, "GetItem", "Scan")
        replay.use_table(data.changes, "Query")
        replay.read_rights(data, "Scan")
        replay.use_table(data.events, "BatchGetItem", indexes=("by_cell", "by_odd"))
        replay.use_table(data.deliveries, "BatchGetItem", "UpdateItem")
        replay.use_table(data.streams, "GetItem", "Query", indexes=("by_source",))
        replay.use_table(data.states, "DeleteItem", "GetItem", "PutItem", "Query")
        replay.use_bucket(data.payloads, "GetObject")
        call_reducers(replay, settings)
        self.lanes.send_from(replay)
        self.lanes.enrichment.send_from(replay)
        replay.use_queue(REPLAY_QUEUE_URL, self.replays.queue, "SendMessage")
        replay.use_retention()
        replay.consume(self.replays.queue, max_concurrency=_REPLAY_CONCURRENCY)
        replay.allow_recursion(
            "Each message continues by a page, up to the end of the replay's time, of a stream, or "
            "of the events of a service."
        )
        return replay

    def _observer(
        self, layers: Layers, data: DataStack, settings: DeploymentSettings
    ) -> BusFunction:
        observe = BusFunction(
            self,
            "Observe",
            folder="observe",
            layers=layers,
            timeout=_OBSERVE_TIMEOUT,
            writes_metrics=True,
        )
        observe.use_table(data.metrics, "BatchGetItem", "PutItem", "UpdateItem")
        observe.set_variable("SUBSCRIPTION_METRICS", str(settings.subscription_metrics))
        observe.use_table(data.events, "PutItem")
        observe.use_retention()
        self.changes_source = TableStreamSource(
            self,
            "Changes",
            table=data.deliveries,
            function=observe,
            patterns=CHANGES,
            # Repeated as a whole: the ids of all its records show that a batch was counted.
            batching=Batching(
                cdk.Duration.hours(12), batch_size=1000, batching_window=_COUNT_WINDOW, bisect=False
            ),
            # A person invokes the function with these records. A batch counts once, however often
            # it is passed.
            failures=data.observer_failures,
            settings=settings,
        )
        output(self, "ObserveFunction", observe.function.function_name)
        return observe

    def _sweep(self, layers: Layers, data: DataStack) -> BusFunction:
        sweep = BusFunction(
            self,
            "Sweep",
            folder="sweep",
            layers=layers,
            timeout=_SWEEP_TIMEOUT,
        )
        sweep.use_table(data.deliveries, "BatchGetItem", "UpdateItem", indexes=("by_due",))
        sweep.use_table(data.circuits, "BatchGetItem")
        sweep.use_table(data.cursors, "GetItem", "UpdateItem")
        sweep.use_table(data.events, "PutItem", indexes=("by_cell", "by_odd"))
        sweep.use_table(data.keys, "Scan")
        sweep.use_table(data.replays, "UpdateItem", indexes=("by_running",))
        sweep.use_table(data.streams, "Query")
        sweep.use_table(data.subscriptions, "DeleteItem", "GetItem", indexes=("by_end",))
        sweep.use_table(data.changes, "PutItem", "Query")
        sweep.count_subscriptions(data)
        sweep.use_table(data.inbox, "UpdateItem")
        self.lanes.send_from(sweep)
        sweep.use_queue("UNROUTABLE_QUEUE_URL", self.unroutable.queue, "SendMessage")
        sweep.use_queue(REPLAY_QUEUE_URL, self.replays.queue, "SendMessage")
        sweep.use_retention()
        self._archive(sweep, data)
        sweep.run_every(_SWEEP_INTERVAL)
        output(self, "SweepFunction", sweep.function.function_name)
        return sweep

    def _archive(self, sweep: BusFunction, data: DataStack) -> None:
        """Lets the sweeper archive old events, if the settings say so."""
        days = sweep.settings.archive_after_days
        sweep.set_variable("ARCHIVE_AFTER_DAYS", str(days))
        if days:
            sweep.use_table(data.events, "BatchGetItem")
            sweep.write_archive(data.payloads)
