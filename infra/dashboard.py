"""The dashboard: what the bus does, and how far behind it is."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.api import ApiStack
from infra.bus import BusStack
from infra.settings import Settings

NAMESPACE = "EventBus"
"""The namespace of the metrics of the function `observe`."""

_MINUTE = cdk.Duration.minutes(1)
_WIDTH = 12


class Dashboard(Construct):
    """A dashboard of CloudWatch."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        bus: BusStack,
        api: ApiStack,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = settings.stage
        enrichment = bus.lanes.enrichment
        queues = [
            *(each.work for each in bus.lanes.all),
            enrichment.work,
            bus.unroutable,
            bus.replays,
        ]
        functions = [
            bus.route,
            enrichment.enrich,
            *(each.deliver for each in bus.lanes.all),
            bus.observe,
        ]
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"event-bus-{settings.stage}",
            default_interval=cdk.Duration.hours(3),
            widgets=[
                [
                    _graph(
                        "Events",
                        *(self._counted(each) for each in ("Published", "Delivered")),
                    ),
                    _graph(
                        "Failed attempts and dead letters",
                        *(self._counted(each) for each in ("Failed", "DeadLettered")),
                    ),
                ],
                [
                    _graph(
                        "Time from acceptance to delivery (s)",
                        *(
                            self._metric("DeliveryLatency", statistic)
                            for statistic in ("p50", "p90", "p99")
                        ),
                    ),
                    _graph(
                        "Age of what waits in streams (ms)",
                        *(
                            each.function.metric(
                                "IteratorAge",
                                statistic="Maximum",
                                period=_MINUTE,
                                label=each.node.id,
                            )
                            for each in (bus.route, bus.observe)
                        ),
                    ),
                ],
                [
                    _graph(
                        "Messages in queues",
                        *(
                            each.queue.metric_approximate_number_of_messages_visible(
                                statistic="Maximum", period=_MINUTE, label=each.node.id
                            )
                            for each in queues
                        ),
                    ),
                    _graph(
                        "Messages in redrive queues",
                        *(
                            each.redrive.metric_approximate_number_of_messages_visible(
                                statistic="Maximum", period=_MINUTE, label=each.node.id
                            )
                            for each in queues
                        ),
                    ),
                ],
                [
                    _graph(
                        "Errors of functions",
                        *(
                            each.function.metric_errors(
                                statistic="Sum", period=_MINUTE, label=each.node.path
                            )
                            for each in functions
                        ),
                    ),
                    _graph(
                        "The API",
                        api.api.metric_count(statistic="Sum", period=_MINUTE),
                        api.api.metric_client_error(statistic="Sum", period=_MINUTE),
                        api.api.metric_server_error(statistic="Sum", period=_MINUTE),
                        api.api.metric_latency(statistic="p99", period=_MINUTE),
                    ),
                ],
            ],
        )

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


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=_WIDTH)
