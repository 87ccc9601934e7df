"""Which records of table streams reach functions, and what happens to those that keep failing."""

import json
from dataclasses import replace
from typing import Any

import pytest
from event_bus.matching.pattern import EventPattern
from event_bus.stores.archive_runs import ByteRange
from event_bus.stores.event_items import stub_of, to_item

from tests.builders import event
from tests.unit.infra.grants import grants_of
from tests.unit.infra.synthesised import Synthesised, listed

ITEM = to_item(replace(event(), kept=True), 30)
STUB = stub_of(ITEM, ByteRange("a", 0, 1))


@pytest.mark.parametrize(
    ("name", "image", "passed"),
    [
        ("INSERT", ITEM, True),
        # It took the place of an expired event.
        ("MODIFY", ITEM, True),
        ("MODIFY", STUB, False),
        ("REMOVE", None, False),
        # What cannot be read is set aside by the function.
        ("INSERT", {"id": {"S": "evt_broken"}}, True),
    ],
)
def test_events_are_passed_when_they_are_stored(
    name: str, image: dict[str, Any] | None, passed: bool
) -> None:
    from infra.table_stream import STORED_EVENTS

    change = {"Keys": {"id": {"S": "evt_1"}}, **({"NewImage": image} if image else {})}
    record = {"eventName": name, "dynamodb": change}
    assert any(EventPattern(each).matches(record) for each in STORED_EVENTS) is passed


def test_a_poison_record_cannot_block_the_stream(app: Synthesised) -> None:
    streams = stream_sources(app)
    assert streams.keys() == {"route", "push", "audit", "observe"}
    for name, properties in streams.items():
        assert properties["StartingPosition"] == "TRIM_HORIZON"
        # A batch that was counted is known when it comes again as it was.
        assert properties["BisectBatchOnFunctionError"] is (name != "observe")
        assert properties["MaximumRetryAttempts"] == 10
        assert properties["MaximumBatchingWindowInSeconds"] == (
            60 if name in ("audit", "observe") else 0
        )
    # Only the router's stream is read in parallel; the audit log's chain has a single writer.
    parallel = {name: each["ParallelizationFactor"] for name, each in streams.items()}
    assert parallel == {"route": 4, "push": 1, "audit": 1, "observe": 1}
    sizes = {name: each["BatchSize"] for name, each in streams.items()}
    assert sizes == {"route": 100, "push": 100, "audit": 1000, "observe": 1000}
    route, push = streams["route"], streams["push"]
    # A table stream keeps records for 24 hours
    # (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html). Those that
    # Lambda gives up earlier are kept, and those that expire are lost.
    for name in ("route", "audit", "observe"):
        assert streams[name]["MaximumRecordAgeInSeconds"] == 12 * 3600, name
    # A stub that takes the place of an archived event is no new event.
    of_events = [
        {"eventName": ["INSERT"]},
        {"eventName": ["MODIFY"], "dynamodb": {"NewImage": {"digest": {"S": [{"exists": True}]}}}},
    ]
    assert patterns_of(route) == patterns_of(streams["audit"]) == of_events
    # What is given up is kept, except for what waits in an inbox.
    kept = {name for name, each in streams.items() if "DestinationConfig" in each}
    assert kept == (set() if app.local else {"route", "audit", "observe"})
    # What is not pushed waits in its inbox: it need not be brought back from anywhere.
    assert push["MaximumRecordAgeInSeconds"] == 300
    # An entry whose push has not ended in time is changed, so that it comes again.
    assert patterns_of(push) == [
        {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"pushed": {"BOOL": [True]}}}}
    ]


def test_batches_that_a_table_stream_gave_up_return_by_a_queue(app: Synthesised) -> None:
    for stack, bucket, queue in (
        ("Bus", "RefFailuresBucket", "StrandedQueue"),
        ("Audit", "RefAuditFailuresBucket", "AuditQueue"),
    ):
        [rule] = [
            each
            for each in app.resources("AWS::Events::Rule")
            if each.stack == stack and "EventPattern" in each.properties
        ]
        assert rule.properties["State"] == "ENABLED"
        # https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-s3.html
        pattern = rule.properties["EventPattern"]
        assert pattern["source"] == ["aws.s3"]
        assert pattern["detail-type"] == ["Object Created"]
        assert pattern["detail"].keys() == {"bucket"}
        assert bucket in str(pattern["detail"]["bucket"]["name"])
        [target] = rule.properties["Targets"]
        assert queue in str(target["Arn"])
        # The message is the whole event: the function reads from it which object to fetch.
        assert target.keys() == {"Arn", "Id"}
        sending = [
            each
            for policy in app.resources("AWS::SQS::QueuePolicy")
            for each in policy.properties["PolicyDocument"]["Statement"]
            if each["Resource"] == target["Arn"] and "sqs:SendMessage" in each["Action"]
        ]
        [allowed] = sending
        assert allowed["Effect"] == "Allow"
        assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
        source = {"aws:SourceArn": {"Fn::GetAtt": [rule.name, "Arn"]}}
        assert allowed["Condition"] == {"ArnEquals": source}
    announcing = {
        each.name.partition("Bucket")[0]: each.properties["NotificationConfiguration"]
        for each in app.resources("AWS::S3::Bucket")
        if "NotificationConfiguration" in each.properties
    }
    enabled = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert announcing == {"Failures": enabled, "AuditFailures": enabled}


KEPT = {"route": "Failures", "audit": "AuditFailures", "observe": "ObserverFailures"}
"""The buckets of what functions keep failing on."""


def test_lambda_may_keep_what_it_gives_up(app: Synthesised) -> None:
    sources = stream_sources(app)
    for name, bucket in KEPT.items():
        if app.local:
            assert "DestinationConfig" not in sources[name]
            continue
        # The whole invocation record, which an SQS or SNS destination would not get
        # (https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html).
        kept = sources[name]["DestinationConfig"]["OnFailure"]["Destination"]
        assert f"GetAtt{bucket}Bucket" in str(kept)
        permitted = permissions(app, name)
        # The same page: Lambda writes with the role of the function.
        assert ("s3:PutObject", str({"Fn::Join": ["", [kept, "/*"]]})) in permitted, name
        assert ("s3:ListBucket", str(kept)) in permitted, name


def test_those_who_return_given_up_batches_may_read_them(app: Synthesised) -> None:
    for name in ("route", "audit"):
        read = [
            arn
            for action, arn in permissions(app, name)
            if action == "s3:GetObject" and f"GetAtt{KEPT[name]}Bucket" in arn
        ]
        assert len(read) == 1, name
        assert read[0].endswith("'/*']]}"), name


def test_lambda_may_read_the_table_streams(app: Synthesised) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
    for name, properties in stream_sources(app).items():
        stream = properties["EventSourceArn"]
        permitted = permissions(app, name)
        for action in ("DescribeStream", "GetRecords", "GetShardIterator"):
            assert (f"dynamodb:{action}", str(stream)) in permitted, (name, action)
        [listing] = [arn for action, arn in permitted if action == "dynamodb:ListStreams"]
        assert listing.endswith("'/stream/*']]}"), name
        # Both ARNs begin with that of the table.
        table = str(stream["Fn::ImportValue"]).partition("StreamArn")[0]
        assert table in listing, name


def permissions(app: Synthesised, name: str) -> set[tuple[str, str]]:
    """The actions that a function is allowed, each with a resource."""
    return {
        (action, str(arn))
        for statement in grants_of(app, app.functions()[name])
        if statement["Effect"] == "Allow" and "Condition" not in statement
        for action in listed(statement["Action"])
        for arn in listed(statement["Resource"])
    }


def stream_sources(app: Synthesised) -> dict[str, dict[str, Any]]:
    """The event source mappings of table streams, each by the service name of its function."""
    functions = {function.name: name for name, function in app.functions().items()}
    return {
        functions[mapping.properties["FunctionName"]["Ref"]]: mapping.properties
        for mapping in app.resources("AWS::Lambda::EventSourceMapping")
        if "StartingPosition" in mapping.properties
    }


def patterns_of(source: dict[str, Any]) -> list[Any]:
    return [json.loads(each["Pattern"]) for each in source["FilterCriteria"]["Filters"]]
