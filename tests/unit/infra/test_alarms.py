"""Alarms watch every function and queue, and reach whoever subscribes to their topic."""

from tests.table_uses import LANES
from tests.unit.infra.synthesised import Synthesised, listed
from tests.unit.infra.test_functions import FUNCTIONS


def test_there_are_alarms_for_every_function_and_queue(app: Synthesised) -> None:
    alarms = app.resources("AWS::CloudWatch::Alarm")
    assert {alarm.stack for alarm in alarms} == {"Operations"}
    watched = [alarm.properties["MetricName"] for alarm in alarms]
    assert watched.count("Errors") == len(FUNCTIONS)
    # The lanes, the unroutable events, the replays and the audit log: their queues and redrive
    # queues.
    assert watched.count("ApproximateNumberOfMessagesVisible") == len(LANES) + 4
    assert watched.count("ApproximateAgeOfOldestMessage") == len(LANES) + 4
    assert {"IteratorAge", "5xx"} <= set(watched)
    # What streams give up is never given up in silence, be it in a bucket or lost.
    for metric in ("OnFailureDestinationDeliveredEventCount", "DroppedEventCount"):
        sources = [
            str(alarm.properties["Dimensions"])
            for alarm in alarms
            if alarm.properties["MetricName"] == metric
        ]
        assert len(set(sources)) == len(sources) == 3, metric
    assert "Throttles" in watched
    [topic] = app.resources("AWS::SNS::Topic")
    for alarm in alarms:
        for told in ("AlarmActions", "OKActions"):
            assert alarm.properties[told] == [{"Ref": topic.name}], alarm


def test_every_http_api_has_an_alarm(app: Synthesised) -> None:
    named = {
        parameter.properties["Name"]: parameter.properties["Value"]
        for parameter in app.resources("AWS::SSM::Parameter")
    }
    read = {
        name: named.get(parameter["Default"])
        for name, parameter in app.templates["Operations"]["Parameters"].items()
    }
    watched = sorted(
        str(read.get(value.get("Ref"), value))
        for alarm in app.resources("AWS::CloudWatch::Alarm")
        if alarm.properties["MetricName"] == "5xx"
        for value in [alarm.properties["Dimensions"][0]["Value"]]
    )
    # A WebSocket API has no such metric.
    apis = [
        api.name
        for api in app.resources("AWS::ApiGatewayV2::Api")
        if api.properties["ProtocolType"] == "HTTP"
    ]
    assert len(watched) == len(apis) == (1 if app.local else 2)
    for api in apis:
        assert [each for each in watched if f"Ref{api}" in each or f"'{api}'" in each], api


DIMENSIONS = {
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    ("AWS/Lambda", "Errors"): ["FunctionName"],
    ("AWS/Lambda", "IteratorAge"): ["FunctionName"],
    # Without a dimension, it counts all functions of the account.
    ("AWS/Lambda", "Throttles"): [],
    ("AWS/Lambda", "DroppedEventCount"): ["EventSourceMappingUUID"],
    ("AWS/Lambda", "OnFailureDestinationDeliveredEventCount"): ["EventSourceMappingUUID"],
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): ["QueueName"],
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): ["QueueName"],
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
    ("AWS/ApiGateway", "5xx"): ["ApiId"],
}
"""The metrics that AWS reports, with the dimensions that an alarm must name."""


def test_alarms_watch_metrics_that_exist(app: Synthesised) -> None:
    watched = [alarm.properties for alarm in app.resources("AWS::CloudWatch::Alarm")]
    for each in watched:
        dimensions = [dimension["Name"] for dimension in each.get("Dimensions", [])]
        assert DIMENSIONS[each["Namespace"], each["MetricName"]] == dimensions, each
        # Functions, queues and streams without work report nothing.
        assert each["TreatMissingData"] == "notBreaching", each
    # Lambda counts the events of a mapping only where that is turned on.
    mappings = app.resources("AWS::Lambda::EventSourceMapping")
    counted = {
        mapping.name
        for mapping in mappings
        if mapping.properties.get("MetricsConfig") == {"Metrics": ["EventCount"]}
    }
    for each in watched:
        if DIMENSIONS[each["Namespace"], each["MetricName"]] == ["EventSourceMappingUUID"]:
            assert [name for name in counted if name in str(each["Dimensions"])], each


def test_alarms_may_publish_to_the_topic(app: Synthesised) -> None:
    [topic] = app.resources("AWS::SNS::Topic")
    [policy] = app.resources("AWS::SNS::TopicPolicy")
    assert policy.properties["Topics"] == [{"Ref": topic.name}]
    # A policy takes the place of the one that lets the whole account publish.
    [allowed] = [
        each
        for each in policy.properties["PolicyDocument"]["Statement"]
        if each["Effect"] == "Allow"
    ]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Action"] == "sns:Publish"
    assert_of_this_account(allowed["Condition"])


def test_alarms_may_use_the_key_that_encrypts_the_topic(app: Synthesised) -> None:
    [topic] = app.resources("AWS::SNS::Topic")
    imported = topic.properties["KmsMasterKeyId"]["Fn::ImportValue"]
    [key] = [each for each in app.resources("AWS::KMS::Key") if f"GetAtt{each.name}" in imported]
    [grant] = [
        each
        for each in key.properties["KeyPolicy"]["Statement"]
        if each["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]
    assert set(listed(grant["Action"])) == {"kms:Decrypt", "kms:GenerateDataKey*"}
    assert_of_this_account(grant["Condition"])


def assert_of_this_account(condition: dict[str, dict[str, object]]) -> None:
    """A service acts for alarms of this account alone."""
    assert condition["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert ":alarm:*" in str(condition["ArnLike"]["aws:SourceArn"])
