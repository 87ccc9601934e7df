"""No message is lost: every queue has a redrive queue, or is one."""

from typing import Any

from tests.unit.infra.synthesised import Resource, Synthesised


def queue_behind(app: Synthesised, arn: dict[str, Any]) -> Resource:
    """The queue that a reference within a template is about."""
    name = arn["Fn::GetAtt"][0]
    return next(queue for queue in app.resources("AWS::SQS::Queue") if queue.name == name)


def sources(app: Synthesised) -> list[Resource]:
    """The event source mappings of queues."""
    return [
        mapping
        for mapping in app.resources("AWS::Lambda::EventSourceMapping")
        if "Queue" in mapping.properties["EventSourceArn"].get("Fn::GetAtt", [""])[0]
    ]


def test_every_queue_has_a_redrive_queue_or_is_one(app: Synthesised) -> None:
    queues = app.resources("AWS::SQS::Queue")
    working = [queue for queue in queues if "RedrivePolicy" in queue.properties]
    redrives = {
        queue_behind(app, queue.properties["RedrivePolicy"]["deadLetterTargetArn"]).name
        for queue in working
    }
    assert len(redrives) == len(working) > 0
    assert {queue.name for queue in queues} == redrives | {queue.name for queue in working}
    for queue in working:
        assert queue.properties["RedrivePolicy"]["maxReceiveCount"] == 5, queue


def test_queues_keep_messages_encrypted_and_for_14_days(app: Synthesised) -> None:
    for queue in app.resources("AWS::SQS::Queue"):
        assert queue.properties["SqsManagedSseEnabled"] is True, queue
        assert queue.properties["MessageRetentionPeriod"] == 14 * 86_400, queue


def test_workers_report_single_failures_and_have_time_to_finish(app: Synthesised) -> None:
    mappings = sources(app)
    assert len(mappings) == 2
    functions = {function.name: function for function in app.resources("AWS::Lambda::Function")}
    for mapping in mappings:
        assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"], mapping
        assert mapping.properties["BatchSize"] == 10, mapping
        queue = queue_behind(app, mapping.properties["EventSourceArn"])
        function = functions[mapping.properties["FunctionName"]["Ref"]]
        visible_again = queue.properties["VisibilityTimeout"]
        assert visible_again == 6 * function.properties["Timeout"], mapping


def test_the_lane_is_held_to_its_concurrency(app: Synthesised) -> None:
    limits = [mapping.properties.get("ScalingConfig") for mapping in sources(app)]
    assert {"MaximumConcurrency": 50} in limits


def test_a_poison_record_cannot_block_the_stream(app: Synthesised) -> None:
    (stream,) = [
        mapping
        for mapping in app.resources("AWS::Lambda::EventSourceMapping")
        if "StartingPosition" in mapping.properties
    ]
    properties = stream.properties
    assert properties["StartingPosition"] == "TRIM_HORIZON"
    assert properties["BisectBatchOnFunctionError"] is True
    assert properties["MaximumRetryAttempts"] == 10
    assert 3600 <= properties["MaximumRecordAgeInSeconds"] < 86_400
    assert properties["MaximumBatchingWindowInSeconds"] == 0
    (pattern,) = properties["FilterCriteria"]["Filters"]
    assert pattern == {"Pattern": '{"eventName": ["INSERT", "MODIFY"]}'}
    assert ("DestinationConfig" in properties) is not app.local
