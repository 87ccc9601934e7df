"""The event source that passes changes of a table to a function."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.exports import export
from infra.function import BusFunction
from infra.nag import accept_wildcard
from infra.settings import DeploymentSettings
from infra.storage import BusBucket, BusTable

CHANGES: Sequence[Mapping[str, object]] = ({"eventName": ["INSERT", "MODIFY"]},)
"""The filters of a table stream whose function takes all but deletions."""

STORED_EVENTS: Sequence[Mapping[str, object]] = (
    {"eventName": ["INSERT"]},
    # An event that replaces an expired one with its id. A stub also replaces an event, the archived
    # one, but has no digest. Lambda checks `exists` on the value of an attribute alone, so the type
    # `S` is named
    # (https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html#filtering-ddb-exists).
    {"eventName": ["MODIFY"], "dynamodb": {"NewImage": {"digest": {"S": [{"exists": True}]}}}},
)
"""The filters of the table stream of events for functions that take events as they are stored."""

_RETRIES = 10


@dataclass(frozen=True, slots=True)
class Batching:
    """How Lambda passes records to the function, in batches.

    Attributes:
        max_age: The age at which a record that keeps failing is given up.
        batch_size: The most records of a batch.
        batching_window: How long a record may wait for others to fill a batch; None for no wait.
        parallelization_factor: How many batches of a shard are processed at once. Records of one
            item keep their order.
        bisect: Whether a failed batch is repeated in halves instead of unchanged.
    """

    max_age: cdk.Duration
    batch_size: int = 100
    batching_window: cdk.Duration | None = None
    parallelization_factor: int = 1
    bisect: bool = True


class TableStreamSource(Construct):
    """A table stream as the event source of a function.

    Attributes:
        mapping_id: The identifier of the event source mapping.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        table: BusTable,
        function: BusFunction,
        patterns: Sequence[Mapping[str, object]],
        batching: Batching,
        failures: BusBucket | None = None,
        settings: DeploymentSettings,
    ) -> None:
        """Connects the table stream.

        Args:
            scope: The parent construct.
            construct_id: Its id in the parent construct.
            table: The table.
            function: The function.
            patterns: The filters of records; one that fits any of them is passed.
            batching: How records are passed, in batches.
            failures: The bucket for records on which the function keeps failing; None if they may
                be dropped.
            settings: The settings of the deployment.

        Raises:
            ValueError: The table has no table stream.
        """
        super().__init__(scope, construct_id)
        stream_arn = table.table.table_stream_arn
        if stream_arn is None:
            raise ValueError(f"the table {table.description.name} has no table stream")
        _allow_reading(function, table, stream_arn)
        destination = None
        if failures and settings.target.stream_failures_to_bucket:
            destination = _destination(function, failures)
        mapping = lambda_.CfnEventSourceMapping(
            self,
            "Mapping",
            function_name=function.function.function_name,
            event_source_arn=stream_arn,
            starting_position="TRIM_HORIZON",
            batch_size=batching.batch_size,
            maximum_batching_window_in_seconds=batching.batching_window.to_seconds()
            if batching.batching_window
            else 0,
            parallelization_factor=batching.parallelization_factor,
            bisect_batch_on_function_error=batching.bisect,
            maximum_retry_attempts=_RETRIES,
            maximum_record_age_in_seconds=batching.max_age.to_seconds(),
            destination_config=destination,
            filter_criteria=_criteria(patterns),
            metrics_config=lambda_.CfnEventSourceMapping.MetricsConfigProperty(
                metrics=["EventCount"]
            ),
        )
        self.mapping_id = mapping.ref
        export(self, self.mapping_id)


def return_given_up(scope: Construct, failures: BusBucket, function: str, queue: sqs.Queue) -> None:
    """Sends each batch of records that was given up to a queue, whose function tries it again.

    Args:
        scope: The stack of the queue.
        failures: The bucket of these batches.
        function: The name of the function that gave them up, for people.
        queue: The queue.
    """
    events.Rule(
        scope,
        "GivenUp",
        description=f"Records of the table stream that {function} gave up",
        event_pattern=events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created"],
            detail={"bucket": {"name": [failures.bucket.bucket_name]}},
        ),
        targets=[targets.SqsQueue(queue)],
    )


def _allow_reading(function: BusFunction, table: BusTable, stream_arn: str) -> None:
    function.allow("dynamodb", ["DescribeStream", "GetRecords", "GetShardIterator"], [stream_arn])
    function.allow("dynamodb", ["ListStreams"], [f"{table.table.table_arn}/stream/*"])
    accept_wildcard(
        function,
        owner=table,
        arn=table.table.table_arn,
        suffix="/stream/*",
        reason="ListStreams is checked against every stream of the table.",
    )


def _criteria(
    patterns: Sequence[Mapping[str, object]],
) -> lambda_.CfnEventSourceMapping.FilterCriteriaProperty:
    filters = [
        lambda_.CfnEventSourceMapping.FilterProperty(pattern=json.dumps(pattern))
        for pattern in patterns
    ]
    return lambda_.CfnEventSourceMapping.FilterCriteriaProperty(filters=filters)


def _destination(
    function: BusFunction, failures: BusBucket
) -> lambda_.CfnEventSourceMapping.DestinationConfigProperty:
    """Returns the bucket as the destination of records on which the function keeps failing."""
    # Lambda writes there with the function's role.
    function.allow_objects(
        failures,
        ["PutObject"],
        reason="Lambda chooses the names of what it gives up.",
    )
    function.allow("s3", ["ListBucket"], [failures.bucket.bucket_arn])
    return lambda_.CfnEventSourceMapping.DestinationConfigProperty(
        on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(
            destination=failures.bucket.bucket_arn
        )
    )
