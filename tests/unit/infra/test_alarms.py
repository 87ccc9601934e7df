"""Alarms watch every function and queue, and reach whoever subscribes to their topic."""

from tests.table_uses import LANES
from tests.unit.infra.synthesised import Synthesised, listed
from tests.unit.infra.test_functions import FUNCTIONS
from tests.unit.infra.test_table_stream import stream_sources


def test_there_are_alarms_for_every_function_and_queue(app: Synthesised) -> None:
    alarms = app.resources("AWS::CloudWatch::Alarm")
    assert {alarm.stack for alarm in alarms} == {"Operations"}
    watched = [alarm.properties["MetricName"] for alarm in alarms]
    assert watched.count("Errors") == len(FUNCTIONS)
    # The lanes, the unroutable events, the replays and the audit log: their queues and redrive
    # queues.
    assert watched.count("ApproximateNumberOfMessagesVisible") == len(LANES) + 4
    assert watched.count("ApproximateAgeOfOldestMessage") == len(LANES) + 4
    assert "5xx" in watched
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


FIVE_MINUTES_WITHOUT = (0, 300, "Sum")
"""For what must not happen: five minutes in which it does are reported."""

REPORTED: dict[str, tuple[int, int, str]] = {
    "Errors": FIVE_MINUTES_WITHOUT,
    "Throttles": FIVE_MINUTES_WITHOUT,
    "5xx": FIVE_MINUTES_WITHOUT,
    "DroppedEventCount": FIVE_MINUTES_WITHOUT,
    "OnFailureDestinationDeliveredEventCount": FIVE_MINUTES_WITHOUT,
    # A redrive queue is empty while nothing fails again and again.
    "ApproximateNumberOfMessagesVisible": (0, 60, "Maximum"),
    # In seconds. A retry is a new message, so it never waits as long as its delay.
    "ApproximateAgeOfOldestMessage": (30 * 60, 60, "Maximum"),
}
"""The value that each metric may have, the seconds over which it is taken, and the statistic."""

OLDEST_RECORD_SECONDS = {"route": 60, "push": 120, "audit": 600, "observe": 600}
"""How old the records of a table stream may be, by the function that reads it."""


def test_an_alarm_reports_the_first_period_that_is_not_as_it_should_be(app: Synthesised) -> None:
    functions = {function.name: name for name, function in app.functions().items()}
    for alarm in app.resources("AWS::CloudWatch::Alarm"):
        properties = alarm.properties
        metric = properties["MetricName"]
        watched = [
            name
            for function, name in functions.items()
            if function in str(properties.get("Dimensions"))
        ]
        if metric == "Errors":
            # A person reads from it where to look.
            assert properties["AlarmDescription"] == f"The function {watched[0]} failed."
        if metric == "IteratorAge":
            # In milliseconds
            # (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html).
            expected = OLDEST_RECORD_SECONDS[watched[0]] * 1_000, 60, "Maximum"
        else:
            expected = REPORTED[metric]
        found = properties["Threshold"], properties["Period"], properties["Statistic"]
        assert found == expected, alarm
        assert properties["ComparisonOperator"] == "GreaterThanThreshold", alarm
        assert properties["EvaluationPeriods"] == 1, alarm
        assert properties.get("DatapointsToAlarm", 1) == 1, alarm
        assert properties.get("ActionsEnabled", True) is True, alarm


def test_an_alarm_reports_a_table_stream_that_lags_before_its_records_are_given_up(
    app: Synthesised,
) -> None:
    functions = {function.name: name for name, function in app.functions().items()}
    reported = {
        functions[name]: alarm.properties["Threshold"] / 1_000
        for alarm in app.resources("AWS::CloudWatch::Alarm")
        if alarm.properties["MetricName"] == "IteratorAge"
        for name in functions
        if name in str(alarm.properties["Dimensions"])
    }
    streams = stream_sources(app)
    assert reported.keys() == streams.keys()
    for name, properties in streams.items():
        # Records that wait for a batch to fill are not late.
        assert reported[name] > properties["MaximumBatchingWindowInSeconds"]
        assert reported[name] < properties["MaximumRecordAgeInSeconds"]


def test_the_dashboard_shows_how_far_each_table_stream_lags(app: Synthesised) -> None:
    [dashboard] = app.resources("AWS::CloudWatch::Dashboard")
    # Names of functions of other stacks are imported into its text.
    _, *shown = str(dashboard.properties["DashboardBody"]).split("IteratorAge")
    assert len(shown) == len(stream_sources(app))


def test_alarms_watch_each_function_and_queue_once(app: Synthesised) -> None:
    watched: dict[str, list[str]] = {}
    for alarm in app.resources("AWS::CloudWatch::Alarm"):
        dimensions = str(alarm.properties.get("Dimensions"))
        watched.setdefault(alarm.properties["MetricName"], []).append(dimensions)
    for metric, each_once in watched.items():
        assert len(set(each_once)) == len(each_once), metric
    # Redrive queues are those that should be empty, and the others those that are worked.
    for each in watched["ApproximateNumberOfMessagesVisible"]:
        assert "Redrive" in each
    for each in watched["ApproximateAgeOfOldestMessage"]:
        assert "Redrive" not in each


def test_the_topic_refuses_what_is_not_encrypted_on_its_way(app: Synthesised) -> None:
    [policy] = app.resources("AWS::SNS::TopicPolicy")
    [denied] = [
        each
        for each in policy.properties["PolicyDocument"]["Statement"]
        if each["Effect"] == "Deny"
    ]
    assert denied["Principal"] == "*"
    assert denied["Action"] == "sns:Publish"
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


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
    assert allowed["Resource"] == {"Ref": topic.name}
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
    # The resource "*" in the policy of a key is the key itself
    # (https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html).
    for each in key.properties["KeyPolicy"]["Statement"]:
        assert each["Resource"] == "*", each
    assert_of_this_account(grant["Condition"])


def assert_of_this_account(condition: dict[str, dict[str, object]]) -> None:
    """A service acts for alarms of this account alone."""
    assert condition["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert ":alarm:*" in str(condition["ArnLike"]["aws:SourceArn"])
