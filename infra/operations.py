"""The stack of alarms and the dashboard."""

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.api import ApiStack
from infra.audit import AuditStack
from infra.bus import BusStack
from infra.dashboard import Dashboard
from infra.data import DataStack, alarms_may
from infra.function import BusFunction
from infra.iam_api import deployed_iam_api
from infra.outputs import output
from infra.queue import WorkQueue
from infra.settings import DeploymentSettings
from infra.stack import StageStack
from infra.table_stream import TableStreamSource

_MINUTE = cdk.Duration.minutes(1)
_FIVE_MINUTES = cdk.Duration.minutes(5)
# A retry is a new message, so a message that is older than the longest delay is overdue.
_OLDEST_MESSAGE = cdk.Duration.minutes(30)
# By table stream. The records of some wait for a minute to fill a batch.
_OLDEST_EVENT = cdk.Duration.minutes(1)
_OLDEST_UNRECORDED_EVENT = cdk.Duration.minutes(10)
_OLDEST_CHANGE = cdk.Duration.minutes(10)
# A batch may take most of a minute if it has many connections or slow clients. After five minutes,
# Lambda drops an entry, and it waits for the next event or ping of its client.
_OLDEST_PUSH = cdk.Duration.minutes(2)


class OperationsStack(StageStack):
    """The alarms of a deployment, the topic that they notify, and the dashboard."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        data: DataStack,
        audit: AuditStack,
        bus: BusStack,
        api: ApiStack,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Event bus: alarms and the dashboard",
            settings=settings,
        )
        self._topic = self._make_topic(data, settings)
        functions = {
            **api.functions,
            "audit": audit.write,
            "route": bus.route,
            **{f"deliver_{lane.name}": lane.deliver for lane in bus.lanes.all},
            "enrich": bus.lanes.enrichment.enrich,
            "redrive": bus.lanes.redrive,
            "replay": bus.replay,
            "sweep": bus.sweep,
            "observe": bus.observe,
        }
        for folder, function in functions.items():
            self._errors(folder, function)
        for lane in bus.lanes.all:
            self._queue(f"{lane.node.id}Lane", lane.work)
        self._queue("EnrichLane", bus.lanes.enrichment.work)
        self._queue("Unroutable", bus.unroutable)
        self._queue("Replay", bus.replays)
        self._queue("Audit", audit.queue)
        self._streams(audit, bus, api)
        self._failures("ApiFailures", api.api, "The API answered with a 5xx status.")
        if settings.iam_callers:
            self._failures(
                "IamApiFailures",
                deployed_iam_api(self, "IamApi", settings),
                "The API for IAM callers answered with a 5xx status.",
            )
        self._alarm(
            "Throttles",
            lambda_.Function.metric_all_throttles(statistic="Sum", period=_FIVE_MINUTES),
            "Lambda throttled functions: the account runs as many as its quota permits.",
        )
        Dashboard(self, "Dashboard", settings=settings, audit=audit, bus=bus, api=api)

    def _streams(self, audit: AuditStack, bus: BusStack, api: ApiStack) -> None:
        self._age("RouterAge", bus.route, "Events wait to be routed.", _OLDEST_EVENT)
        self._age("ObserverAge", bus.observe, "Metrics are late.", _OLDEST_CHANGE)
        self._age(
            "AuditEventsAge",
            audit.write,
            "Events wait to be recorded in the audit log.",
            _OLDEST_UNRECORDED_EVENT,
        )
        self._age(
            "PushAge",
            api.functions["push"],
            "Events wait to be sent to WebSocket clients.",
            _OLDEST_PUSH,
        )
        self._gave_up(
            "Router",
            bus.events_source,
            "The router gave up events; they are in the bucket of failures.",
        )
        self._gave_up(
            "Audit",
            audit.events_source,
            "The audit log gave up events; they are in a bucket, and its queue brings them again.",
        )
        self._gave_up(
            "Observer",
            bus.changes_source,
            "The function observe gave up changes of deliveries; they are in a bucket.",
        )

    def _make_topic(self, data: DataStack, settings: DeploymentSettings) -> sns.Topic:
        topic = sns.Topic(
            self,
            "Alarms",
            display_name=f"Event bus {settings.stage}: alarms",
            enforce_ssl=True,
            master_key=data.key,
        )
        # A topic's own policy replaces the default policy, by which the whole account may publish.
        topic.add_to_resource_policy(alarms_may(["sns:Publish"], topic.topic_arn))
        output(self, "AlarmsTopicArn", topic.topic_arn)
        return topic

    def _errors(self, folder: str, function: BusFunction) -> None:
        name = "".join(word.title() for word in folder.split("_"))
        self._alarm(
            f"{name}Errors",
            function.function.metric_errors(statistic="Sum", period=_FIVE_MINUTES),
            f"The function {folder} failed.",
        )

    def _failures(self, name: str, api: apigateway.IHttpApi, description: str) -> None:
        metric = api.metric_server_error(statistic="Sum", period=_FIVE_MINUTES)
        self._alarm(name, metric, description)

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
            "The oldest message of the queue waits too long.",
            threshold=_OLDEST_MESSAGE.to_seconds(),
        )

    def _age(
        self, name: str, function: BusFunction, description: str, oldest: cdk.Duration
    ) -> None:
        self._alarm(
            name,
            function.function.metric("IteratorAge", statistic="Maximum", period=_MINUTE),
            description,
            threshold=oldest.to_milliseconds(),
        )

    def _gave_up(self, name: str, source: TableStreamSource, description: str) -> None:
        """Sets the alarms for records that Lambda gave up, and either kept in a bucket or lost.

        Lambda counts a record as dropped if it could not put it into the bucket
        (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html).
        """
        for construct_id, metric_name, said in (
            (f"{name}GaveUp", "OnFailureDestinationDeliveredEventCount", description),
            (f"{name}Dropped", "DroppedEventCount", "Lambda lost records that it gave up."),
        ):
            self._alarm(
                construct_id,
                cloudwatch.Metric(
                    namespace="AWS/Lambda",
                    metric_name=metric_name,
                    dimensions_map={"EventSourceMappingUUID": source.mapping_id},
                    statistic="Sum",
                    period=_FIVE_MINUTES,
                ),
                said,
            )

    def _alarm(
        self,
        construct_id: str,
        metric: cloudwatch.IMetric,
        description: str,
        *,
        threshold: float = 0,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            alarm_description=description,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        notification = actions.SnsAction(self._topic)
        alarm.add_alarm_action(notification)
        alarm.add_ok_action(notification)
