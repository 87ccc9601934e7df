"""The dashboard: events and deliveries, delays, queues, errors and requests."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from event_bus.model.metrics import NAMESPACE

from infra.api import ApiStack
from infra.audit import AuditStack
from infra.bus import BusStack
from infra.settings import DeploymentSettings

_MINUTE = cdk.Duration.minutes(1)
_WIDTH = 12


class Dashboard(Construct):
    """A dashboard of CloudWatch."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        audit: AuditStack,
        bus: BusStack,
        api: ApiStack,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = settings.stage
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"event-bus-{settings.stage}",
            default_interval=cdk.Duration.hours(3),
            widgets=[
                self._events(),
                self._delays(audit, bus, api),
                _queues(bus),
                _calls(bus, api),
            ],
        )

    def _events(self) -> list[cloudwatch.IWidget]:
        return [
            _graph("Events", *(self._counted(each) for each in ("Published", "Delivered"))),
            _graph(
                "Failed attempts and dead letters",
                *(self._counted(each) for each in ("Failed", "DeadLettered")),
            ),
        ]

    def _delays(self, audit: AuditStack, bus: BusStack, api: ApiStack) -> list[cloudwatch.IWidget]:
        latencies = (self._metric("DeliveryLatency", each) for each in ("p50", "p90", "p99"))
        ages = (
            each.function.metric(
                "IteratorAge", statistic="Maximum", period=_MINUTE, label=each.node.id
            )
            for each in (bus.route, api.functions["push"], audit.write, bus.observe)
        )
        return [
            _graph("Time from acceptance to delivery (s)", *latencies),
            _graph("Age of records in table streams (ms)", *ages),
        ]

    def _counted(self, name: str) -> cloudwatch.Metric:
        return self._metric(name, "Sum")

    def _metric(self, name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={"service": "observe", "stage": self._stage},
            statistic=statistic,
            period=_MINUTE,
        )


def _queues(bus: BusStack) -> list[cloudwatch.IWidget]:
    lanes = (each.work for each in bus.lanes.all)
    queues = [*lanes, bus.lanes.enrichment.work, bus.unroutable, bus.replays]
    waiting = (_messages(each.queue, each.node.id) for each in queues)
    failed = (_messages(each.redrive, each.node.id) for each in queues)
    return [_graph("Messages in queues", *waiting), _graph("Messages in redrive queues", *failed)]


def _messages(queue: sqs.IQueue, label: str) -> cloudwatch.Metric:
    return queue.metric_approximate_number_of_messages_visible(
        statistic="Maximum", period=_MINUTE, label=label
    )


def _calls(bus: BusStack, api: ApiStack) -> list[cloudwatch.IWidget]:
    lanes = (each.deliver for each in bus.lanes.all)
    functions = [bus.route, bus.lanes.enrichment.enrich, *lanes, bus.observe]
    errors = (
        each.function.metric_errors(statistic="Sum", period=_MINUTE, label=each.node.path)
        for each in functions
    )
    return [
        _graph("Errors of functions", *errors),
        _graph(
            "The API",
            api.api.metric_count(statistic="Sum", period=_MINUTE),
            api.api.metric_client_error(statistic="Sum", period=_MINUTE),
            api.api.metric_server_error(statistic="Sum", period=_MINUTE),
            api.api.metric_latency(statistic="p99", period=_MINUTE),
        ),
    ]


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=_WIDTH)
