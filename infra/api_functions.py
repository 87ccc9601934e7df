"""The functions behind the API, and what each may do."""

import aws_cdk as cdk
from constructs import Construct
from event_bus.api.operations.registry import OPERATIONS
from event_bus.encryption import data_keys, signing_secrets

from infra.audit import AUDIT_QUEUE_URL, AuditStack
from infra.bus import REPLAY_QUEUE_URL, BusStack
from infra.data import DataStack
from infra.function import BusFunction
from infra.layers import Layers
from infra.target_grants import call_reducers, provide_queues, read_tags, set_target_variables

# API Gateway itself times out after 30 seconds.
_TIMEOUT = cdk.Duration.seconds(29)
_AUTHORIZER_TIMEOUT = cdk.Duration.seconds(10)


class ApiFunctions:
    """The functions behind the API, made in the scope of its stack.

    Attributes:
        by_folder: The functions, by their folders under `functions/`.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        layers: Layers,
        data: DataStack,
        audit: AuditStack,
        bus: BusStack,
    ) -> None:
        self._scope = scope
        self._layers = layers
        self._settings = layers.settings
        self._data = data
        self._audit_stack = audit
        self._bus = bus
        self.by_folder = {
            "authorize": self._authorize(),
            "publish": self._publish(),
            "events": self._events(),
            "registry": self._registry(),
            "keys": self._keys(),
            "recovery": self._recovery(),
            "inbox": self._inbox(),
            "audit_log": self._audit_log(),
            "metrics": self._metrics(),
            "status": self._status(),
        }
        for folder in {route.function for route in OPERATIONS if route.creates}:
            self.by_folder[folder].remember_answers(data)

    def _authorize(self) -> BusFunction:
        function = self._function("authorize", timeout=_AUTHORIZER_TIMEOUT)
        function.use_table(self._data.keys, "GetItem", "UpdateItem")
        function.use_table(self._data.limits, "UpdateItem")
        function.set_variable("KEY_RATE", str(self._settings.key_rate))
        function.use_secret("ADMIN_SECRET_ARN", self._data.admin_secret, self._data.key)
        return function

    def _publish(self) -> BusFunction:
        function = self._function("publish", memory_mb=1024)
        function.use_table(self._data.events, "BatchGetItem", "GetItem", "PutItem")
        function.use_table(self._data.idempotency, "GetItem", "PutItem")
        function.use_table(self._data.streams, "PutItem", "Query")
        # To check that the publisher may see the event that it names as a cause.
        function.use_table(self._data.deliveries, "BatchGetItem")
        function.use_table(self._data.subscriptions, indexes=("by_service",))
        # To find the handlers of commands.
        function.use_table(self._data.changes, "GetItem")
        function.read_rights(self._data, "BatchGetItem")
        function.seal_payloads(self._data)
        function.use_bucket(self._data.payloads, "PutObject")
        # To compare an archived event with one that is published under its id again.
        function.read_archive(self._data.payloads)
        function.use_retention()
        return function

    def _events(self) -> BusFunction:
        function = self._function("events")
        function.use_table(
            self._data.events,
            "BatchGetItem",
            "GetItem",
            indexes=("by_cell", "by_correlation", "by_trace"),
        )
        function.use_table(self._data.deliveries, "BatchGetItem", "Query")
        function.use_table(self._data.subscriptions, "GetItem", indexes=("by_service", "by_kind"))
        function.use_table(self._data.publishers, indexes=("by_kind",))
        function.use_table(
            self._data.streams,
            *("BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            indexes=("by_source",),
        )
        # Snapshots of states; those of streams with sealed parts are sealed as well.
        function.use_table(
            self._data.states,
            *("BatchGetItem", "GetItem", "PutItem", "Query"),
            indexes=("by_first", "by_second"),
        )
        function.open_payloads(self._data)
        function.use_sealing_key(self._data.sealing_key, data_keys.PURPOSE, "GenerateDataKey")
        function.use_retention()
        function.use_bucket(self._data.payloads, "GetObject")
        function.read_rights(self._data, "BatchGetItem")
        call_reducers(function, self._settings)
        self._bound_waiting(function)
        return function

    def _registry(self) -> BusFunction:
        function = self._function("registry")
        function.use_table(
            self._data.publishers,
            *("BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem"),
            indexes=("by_kind",),
        )
        function.use_table(
            self._data.keys,
            *("BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem"),
            indexes=("by_service",),
        )
        function.use_table(
            self._data.subscriptions,
            "BatchGetItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            indexes=("by_service", "by_kind"),
        )
        function.use_table(
            self._data.changes,
            *("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
        )
        function.set_variable("SERVICE_SUBSCRIPTIONS", str(self._settings.service_subscriptions))
        function.read_rights(
            self._data, "BatchGetItem", "DeleteItem", "GetItem", "PutItem", indexes=("by_kind",)
        )
        function.use_table(
            self._data.circuits, "BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Scan"
        )
        function.use_table(self._data.events, "PutItem")
        function.use_sealing_key(self._data.sealing_key, signing_secrets.PURPOSE, "Encrypt")
        function.use_table(self._data.replays, "GetItem", "PutItem")
        function.use_table(self._data.states, "GetItem", "PutItem", "Query")
        function.use_table(self._data.metrics, "BatchGetItem")
        function.use_table(self._data.inbox, "UpdateItem")
        function.use_table(
            self._data.contexts, "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"
        )
        set_target_variables(function, self._settings)
        read_tags(function, self._settings)
        provide_queues(function, self._settings)
        function.call_back()
        self._bound_waiting(function)
        function.use_queue(REPLAY_QUEUE_URL, self._bus.replays.queue, "SendMessage")
        function.use_retention()
        return function

    def _keys(self) -> BusFunction:
        function = self._function("keys")
        function.use_table(
            self._data.keys,
            *("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem"),
            indexes=("by_service",),
        )
        function.use_table(self._data.publishers, "GetItem")
        function.use_table(self._data.subscriptions, "BatchGetItem", indexes=("by_service",))
        function.use_table(self._data.changes, "GetItem")
        function.set_variable("KEY_RATE", str(self._settings.key_rate))
        return function

    def _recovery(self) -> BusFunction:
        function = self._function("recovery")
        function.use_table(self._data.events, "GetItem")
        function.use_table(
            self._data.deliveries,
            *("BatchGetItem", "GetItem", "Query", "UpdateItem"),
            indexes=("by_dead", "by_dead_service"),
        )
        function.use_table(
            self._data.subscriptions, "BatchGetItem", "GetItem", indexes=("by_service",)
        )
        function.read_rights(self._data, "BatchGetItem")
        function.use_table(
            self._data.replays, "GetItem", "PutItem", indexes=("by_kind", "by_service")
        )
        function.use_bucket(self._data.payloads, "GetObject")
        self._bus.lanes.send_from(function)
        function.use_queue(REPLAY_QUEUE_URL, self._bus.replays.queue, "SendMessage")
        function.use_retention()
        return function

    def _inbox(self) -> BusFunction:
        function = self._function("inbox")
        function.use_table(self._data.subscriptions, "GetItem", "PutItem", "UpdateItem")
        function.use_table(self._data.changes, "PutItem", "Query")
        function.count_subscriptions(self._data)
        function.set_variable("SERVICE_LISTENERS", str(self._settings.service_listeners))
        function.use_table(self._data.keys, "GetItem", "PutItem")
        function.use_table(self._data.inbox, "GetItem", "Query")
        self._bound_waiting(function)
        function.use_table(self._data.cursors, "GetItem", "UpdateItem")
        function.read_rights(self._data, "BatchGetItem")
        function.use_table(self._data.events, "BatchGetItem", "GetItem", "PutItem")
        function.use_bucket(self._data.payloads, "GetObject")
        function.use_retention()
        self._send_commands(function)
        return function

    def _bound_waiting(self, function: BusFunction) -> None:
        """Lets a function count the requests of a service that wait."""
        function.use_table(self._data.limits, "UpdateItem")
        function.set_variable("WAITING_REQUESTS", str(self._settings.waiting_requests))

    def _send_commands(self, function: BusFunction) -> None:
        """Lets a function publish commands and replies, and read the deliveries of commands."""
        function.use_table(self._data.deliveries, "BatchGetItem", "GetItem", "PutItem", "Query")
        function.use_table(self._data.idempotency, "GetItem", "PutItem")
        function.use_table(self._data.streams, "PutItem", "Query")
        function.use_bucket(self._data.payloads, "PutObject")
        function.seal_payloads(self._data)

    def _audit_log(self) -> BusFunction:
        function = self._function("audit_log")
        function.use_table(self._data.audit, "Query")
        # It keeps no data: cursors are encrypted by a key that is made from its ARN.
        function.set_variable("SEALING_KEY_ARN", self._data.sealing_key.key_arn)
        return function

    def _metrics(self) -> BusFunction:
        function = self._function("metrics")
        function.use_table(self._data.metrics, "BatchGetItem")
        function.set_variable("SUBSCRIPTION_METRICS", str(self._settings.subscription_metrics))
        function.use_table(self._data.subscriptions, "Scan")
        function.use_table(self._data.circuits, "Scan")
        function.use_table(self._data.replays, "GetItem", indexes=("by_running",))
        self._measure_lag(function)
        function.use_queue(AUDIT_QUEUE_URL, self._audit_stack.queue.queue, "GetQueueAttributes")
        lanes, bus = self._bus.lanes, self._bus
        work = {
            **{f"{lane.name}_lane": lane.work for lane in lanes.all},
            "enrich_lane": lanes.enrichment.work,
            "unroutable": bus.unroutable,
            "replay": bus.replays,
            "audit": self._audit_stack.queue,
        }
        counted = {f"{name}_redrive": each.redrive for name, each in work.items()}
        counted |= {name: each.queue for name, each in work.items() if name.endswith("_lane")}
        function.allow("sqs", ["GetQueueAttributes"], [each.queue_arn for each in counted.values()])
        # Their names in one variable, because all the URLs would exceed the 4 KB of an environment.
        named = [f"{name}={each.queue_name}" for name, each in counted.items()]
        function.set_variable("QUEUE_NAMES", " ".join(named))
        return function

    def _status(self) -> BusFunction:
        function = self._function("status")
        function.use_table(self._data.events, "GetItem")
        self._measure_lag(function)
        for lane in self._bus.lanes.all:
            function.use_queue(lane.url_variable, lane.work.queue, "GetQueueAttributes")
        enrichment = self._bus.lanes.enrichment
        function.use_queue(enrichment.url_variable, enrichment.work.queue, "GetQueueAttributes")
        function.use_queue(
            "UNROUTABLE_REDRIVE_URL", self._bus.unroutable.redrive, "GetQueueAttributes"
        )
        function.use_table(self._data.metrics, "BatchGetItem", "Query")
        function.use_table(self._data.subscriptions, "BatchGetItem")
        function.use_table(self._data.replays, "GetItem")
        return function

    def _measure_lag(self, function: BusFunction) -> None:
        function.use_table(self._data.events, indexes=("by_cell",))
        function.use_table(self._data.deliveries, "BatchGetItem", indexes=("by_due",))
        function.use_queue("UNROUTABLE_QUEUE_URL", self._bus.unroutable.queue, "GetQueueAttributes")
        function.use_queue(REPLAY_QUEUE_URL, self._bus.replays.queue, "GetQueueAttributes")
        function.read_statistics()

    def _function(
        self, folder: str, *, memory_mb: int = 512, timeout: cdk.Duration = _TIMEOUT
    ) -> BusFunction:
        return BusFunction(
            self._scope,
            folder.title(),
            folder=folder,
            layers=self._layers,
            memory_mb=memory_mb,
            timeout=timeout,
        )
