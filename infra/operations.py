"""The stack of alarms: what a person must look at."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.api import ApiStack
from infra.audit import AuditStack
from infra.bus import BusStack
from infra.function import BusFunction
from infra.queue import WorkQueue
from infra.settings import Settings

_MINUTE = cdk.Duration.minutes(1)
_FIVE_MINUTES = cdk.Duration.minutes(5)
# Retries are new messages; what waits longer than the longest delay is not being worked.
_OLDEST_MESSAGE = cdk.Duration.minutes(30)
_OLDEST_RECORD = cdk.Duration.minutes(1)


class OperationsStack(cdk.Stack):
    """The alarms of a deployment."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        audit: AuditStack,
        bus: BusStack,
        api: ApiStack,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            description="Event bus: alarms",
        )
        functions = {
            **api.functions,
            "audit": audit.write,
            "route": bus.route,
            **{f"deliver_{lane.protocol}": lane.deliver for lane in bus.lanes.all},
            "redrive": bus.lanes.redrive,
            "replay": bus.replay,
            "sweep": bus.sweep,
        }
        for folder, function in functions.items():
            self._errors(folder, function)
        for lane in bus.lanes.all:
            self._queue(f"{lane.node.id}Lane", lane.work)
        self._queue("Stranded", bus.stranded)
        self._queue("Replay", bus.replays)
        self._queue("Audit", audit.queue)
        self._router(bus)
        self._alarm(
            "ApiFailures",
            api.api.metric_server_error(statistic="Sum", period=_FIVE_MINUTES),
            "The API answered with a 5xx status.",
        )

    def _errors(self, folder: str, function: BusFunction) -> None:
        name = "".join(word.title() for word in folder.split("_"))
        self._alarm(
            f"{name}Errors",
            function.function.metric_errors(statistic="Sum", period=_FIVE_MINUTES),
            f"The function {folder} failed.",
        )

    def _queue(self, name: str, work: WorkQueue) -> None:
        self._alarm(
            f"{name}Redrive",
            work.redrive.metric_approximate_number_of_messages_visible(
                statistic="Maximum", period=_MINUTE
            ),
            "The redrive queue holds messages that failed again and again.",
        )
        self._alarm(
            f"{name}Age",
            work.queue.metric_approximate_age_of_oldest_message(
                statistic="Maximum", period=_MINUTE
            ),
            "The queue is not worked off: its oldest message waits too long.",
            threshold=_OLDEST_MESSAGE.to_seconds(),
        )

    def _router(self, bus: BusStack) -> None:
        self._alarm(
            "RouterAge",
            bus.route.function.metric("IteratorAge", statistic="Maximum", period=_MINUTE),
            "Events wait to be routed.",
            threshold=_OLDEST_RECORD.to_milliseconds(),
        )
        self._alarm(
            "RouterGaveUp",
            cloudwatch.Metric(
                namespace="AWS/Lambda",
                metric_name="OnFailureDestinationDeliveredEventCount",
                dimensions_map={"EventSourceMappingUUID": bus.events_source.mapping_id},
                statistic="Sum",
                period=_FIVE_MINUTES,
            ),
            "The router gave events up; they are in the bucket of failures.",
        )

    def _alarm(
        self,
        construct_id: str,
        metric: cloudwatch.IMetric,
        description: str,
        *,
        threshold: float = 0,
    ) -> None:
        cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            alarm_description=description,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
