"""Every function is one of the folders, on the chosen runtime, with logs that end."""

from event_bus.delivery import attempts, steps
from event_bus.inbox import conversation, pusher
from event_bus.model import pace

from infra.built import ROOT
from tests.table_uses import LANES
from tests.unit.infra.grants import grants_of
from tests.unit.infra.synthesised import Synthesised, listed

BEHIND_THE_API = {
    "publish",
    "events",
    "registry",
    "keys",
    "recovery",
    "inbox",
    "audit_log",
    "metrics",
    "status",
}
OTHERS = BEHIND_THE_API | {
    *("authorize", "route", "redrive", "replay", "sweep", "socket", "push", "audit", "observe"),
    "enrich",
}
FUNCTIONS = OTHERS | LANES


def test_every_folder_is_a_function_or_that_of_the_lanes(app: Synthesised) -> None:
    assert app.functions().keys() == FUNCTIONS
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}
    assert folders == OTHERS | {"deliver"}


def test_a_lane_knows_its_name(app: Synthesised) -> None:
    told = {
        name: function.properties["Environment"]["Variables"].get("LANE")
        for name, function in app.functions().items()
    }
    assert told == {name: name.removeprefix("deliver_") if name in LANES else None for name in told}


def test_functions_run_on_the_chosen_runtime_with_both_layers(app: Synthesised) -> None:
    for name, function in app.functions().items():
        properties = function.properties
        assert properties["Runtime"] == "python3.13", name
        assert properties["Architectures"] == ["arm64"], name
        # Whatever it calls on the emulator prints a line for each call.
        handler = "event_bus.emulated.handler" if app.local else "handler.handler"
        assert properties["Handler"] == handler, name
        assert len(properties["Layers"]) == 2, name
        # A function's share of a processor grows with its memory
        # (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
        assert properties["MemorySize"] == (1024 if name in BUSY else 512), name


BUSY = {"publish", "route", "replay"}
"""The functions whose processor limits how many events the bus takes."""


def test_no_function_behind_the_api_outlasts_it(app: Synthesised) -> None:
    functions = app.functions()
    for name in BEHIND_THE_API:
        assert functions[name].properties["Timeout"] == 29, name
    assert functions["socket"].properties["Timeout"] == 28
    assert functions["authorize"].properties["Timeout"] <= 10


def test_a_function_that_pushes_ends_its_work_in_time(app: Synthesised) -> None:
    functions = app.functions()
    # A client is answered by the function that holds its connection, or not at all.
    assert functions["socket"].properties["Timeout"] < conversation.ANSWERING_SECONDS
    longest = pusher.BATCH_SECONDS + pusher.PATIENCE_SECONDS + pusher.HOLD_SECONDS
    assert longest < functions["push"].properties["Timeout"]


def test_the_leases_of_a_lane_outlast_its_function(app: Synthesised) -> None:
    functions, queues = app.functions(), dict[str, int]()
    for each in app.resources("AWS::SQS::Queue"):
        queues[each.name] = each.properties["VisibilityTimeout"]
    for name in LANES | {"enrich"}:
        timeout = functions[name].properties["Timeout"]
        assert timeout < steps.LEASE_SECONDS, name
        assert timeout <= attempts.OUTLASTS_SECONDS, name
        (source,) = [
            each.properties
            for each in app.resources("AWS::Lambda::EventSourceMapping")
            if each.properties["FunctionName"]["Ref"] == functions[name].name
        ]
        # A place is free again when the message of a function that crashed comes again.
        visibility = queues[source["EventSourceArn"]["Fn::GetAtt"][0]]
        assert timeout < pace.LEASE_SECONDS < visibility, name


def test_the_sweeper_runs_every_minute(app: Synthesised) -> None:
    (rule,) = [
        rule
        for rule in app.resources("AWS::Events::Rule")
        if "ScheduleExpression" in rule.properties
    ]
    assert rule.properties["ScheduleExpression"] == "rate(1 minute)"
    assert rule.properties["State"] == "ENABLED"
    (target,) = rule.properties["Targets"]
    sweep = app.functions()["sweep"]
    assert target["Arn"] == {"Fn::GetAtt": [sweep.name, "Arn"]}
    # It ends before it begins again.
    assert sweep.properties["Timeout"] <= 60
    (permission,) = [
        permission
        for permission in app.resources("AWS::Lambda::Permission")
        if permission.properties["FunctionName"] == target["Arn"]
    ]
    assert permission.properties["Principal"] == "events.amazonaws.com"
    # What Lambda could not run is left to the next minute.
    (invoked,) = app.resources("AWS::Lambda::EventInvokeConfig")
    assert invoked.properties == {
        "FunctionName": {"Ref": sweep.name},
        "Qualifier": "$LATEST",
        "MaximumEventAgeInSeconds": 60,
        "MaximumRetryAttempts": 0,
    }


def test_every_log_ends(app: Synthesised) -> None:
    groups = app.resources("AWS::Logs::LogGroup")
    for group in groups:
        assert group.properties["RetentionInDays"] == 30, group
    own = {
        function.properties["LoggingConfig"]["LogGroup"]["Ref"]
        for function in app.functions().values()
    }
    assert len(own) == len(FUNCTIONS)
    assert {group.name for group in groups} > own


def test_functions_write_json_to_their_own_log_and_to_no_other(app: Synthesised) -> None:
    for name, function in app.functions().items():
        logging = function.properties["LoggingConfig"]
        # Lambda filters by level only what is written as JSON
        # (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html).
        assert logging["LogFormat"] == "JSON", name
        assert logging["SystemLogLevel"] == "WARN", name
        [grant] = [
            each
            for each in grants_of(app, function)
            if [action for action in listed(each["Action"]) if action.startswith("logs:")]
        ]
        assert grant["Effect"] == "Allow", name
        assert set(listed(grant["Action"])) == {"logs:CreateLogStream", "logs:PutLogEvents"}, name
        assert grant["Resource"] == {"Fn::GetAtt": [logging["LogGroup"]["Ref"], "Arn"]}, name


def test_functions_are_traced_where_that_is_asked_for(app: Synthesised) -> None:
    for name, function in app.functions().items():
        traced = function.properties.get("TracingConfig", {}).get("Mode") == "Active"
        assert traced is not app.local, name


def test_functions_that_write_metrics_to_their_log_keep_them_at_every_level(
    app: Synthesised,
) -> None:
    for name, function in app.functions().items():
        folder = "deliver" if name in LANES else name
        code = (ROOT / "functions" / folder / "handler.py").read_text()
        asked = "INFO" if app.local else "ERROR"
        # Lambda takes a line without a level for one of INFO.
        level = "INFO" if "import Metrics" in code else asked
        assert function.properties["LoggingConfig"]["ApplicationLogLevel"] == level, name
        variables = function.properties["Environment"]["Variables"]
        assert variables["POWERTOOLS_LOG_LEVEL"] == level, name


def test_functions_that_call_subscribers_do_so_from_the_vpc(app: Synthesised) -> None:
    joined = {
        name: function.properties["VpcConfig"]
        for name, function in app.functions().items()
        if "VpcConfig" in function.properties
    }
    if app.local:
        assert joined == {}
        return
    callers = {
        name
        for name, function in app.functions().items()
        if "CALLBACK_NETWORKS" in function.properties["Environment"]["Variables"]
    }
    assert joined.keys() == callers >= {"deliver_http", "registry"}
    for network in joined.values():
        assert network == {
            "SubnetIds": ["subnet-0a1b2c3d", "subnet-4e5f6a7b"],
            "SecurityGroupIds": ["sg-0a1b2c3d"],
            "Ipv6AllowedForDualStack": True,
        }
