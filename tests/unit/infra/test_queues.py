"""No message is lost: every queue has a redrive queue, or is one."""

from typing import Any

from tests.table_uses import LANES
from tests.unit.infra.synthesised import Resource, Synthesised, listed

WITH_REDRIVE = LANES | {"enrich"}
"""The functions whose redrive queue is worked: those of the lanes, and that of enrichment."""


def queue_behind(app: Synthesised, arn: dict[str, Any]) -> Resource:
    """The queue that a reference within a template is about."""
    name = arn["Fn::GetAtt"][0]
    return next(queue for queue in app.resources("AWS::SQS::Queue") if queue.name == name)


def sources(app: Synthesised) -> list[Resource]:
    """The event source mappings of queues."""
    return [
        mapping
        for mapping in app.resources("AWS::Lambda::EventSourceMapping")
        if "StartingPosition" not in mapping.properties
    ]


def consumers(app: Synthesised) -> dict[str, str]:
    """The functions that work queues, by the name of the queue."""
    functions = {function.name: name for name, function in app.functions().items()}
    return {
        queue_behind(app, mapping.properties["EventSourceArn"]).name: functions[
            mapping.properties["FunctionName"]["Ref"]
        ]
        for mapping in sources(app)
    }


def redrive_of(app: Synthesised, queue: str) -> str:
    """The redrive queue of a queue."""
    (found,) = [each for each in app.resources("AWS::SQS::Queue") if each.name == queue]
    return queue_behind(app, found.properties["RedrivePolicy"]["deadLetterTargetArn"]).name


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


def test_queues_refuse_what_is_not_encrypted_on_its_way(app: Synthesised) -> None:
    refusing = [
        policy.properties["Queues"]
        for policy in app.resources("AWS::SQS::QueuePolicy")
        for each in policy.properties["PolicyDocument"]["Statement"]
        if (each["Effect"], each["Action"], each["Principal"]) == ("Deny", "sqs:*", {"AWS": "*"})
        and each["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        and each["Resource"]["Fn::GetAtt"][0] == policy.properties["Queues"][0]["Ref"]
    ]
    for queue in app.resources("AWS::SQS::Queue"):
        assert [{"Ref": queue.name}] in refusing, queue


def test_workers_report_single_failures_and_have_time_to_finish(app: Synthesised) -> None:
    mappings = sources(app)
    # Each lane and its redrive queue, that of enrichment as well; the unroutable events, the
    # replays, the audit log.
    assert len(mappings) == 2 * len(WITH_REDRIVE) + 3
    functions = {function.name: function for function in app.resources("AWS::Lambda::Function")}
    for mapping in mappings:
        assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"], mapping
        # Entries of the audit log wait for others, as nothing else does.
        gathers = "MaximumBatchingWindowInSeconds" in mapping.properties
        assert mapping.properties["BatchSize"] == (100 if gathers else 10), mapping
        queue = queue_behind(app, mapping.properties["EventSourceArn"])
        function = functions[mapping.properties["FunctionName"]["Ref"]]
        # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        window = mapping.properties.get("MaximumBatchingWindowInSeconds", 0)
        visible_again = queue.properties["VisibilityTimeout"]
        assert visible_again == 6 * function.properties["Timeout"] + window, mapping


def test_every_working_queue_has_a_function_and_so_have_the_redrive_queues_of_lanes(
    app: Synthesised,
) -> None:
    working = {
        queue.name
        for queue in app.resources("AWS::SQS::Queue")
        if "RedrivePolicy" in queue.properties
    }
    by_queue = consumers(app)
    lanes = [queue for queue, function in by_queue.items() if function in WITH_REDRIVE]
    assert len(lanes) == len(WITH_REDRIVE)
    redrives = {redrive_of(app, lane) for lane in lanes}
    assert by_queue.keys() == working | redrives
    # What a lane gave up becomes dead letters; of the others it waits for a person.
    assert {by_queue[queue] for queue in redrives} == {"redrive"}
    assert {by_queue[queue] for queue in working} == {*WITH_REDRIVE, "route", "replay", "audit"}


def test_functions_may_take_from_the_queues_they_work(app: Synthesised) -> None:
    for mapping in sources(app):
        function = mapping.properties["FunctionName"]["Ref"]
        (made,) = [each for each in app.functions().values() if each.name == function]
        role = made.properties["Role"]["Fn::GetAtt"][0]
        taken = [
            arn
            for policy, statement in app.statements()
            if policy.stack == made.stack
            and policy.properties["Roles"] == [{"Ref": role}]
            and "sqs:ReceiveMessage" in statement["Action"]
            for arn in listed(statement["Resource"])
        ]
        assert mapping.properties["EventSourceArn"] in taken, mapping


def test_lanes_are_held_to_their_concurrency(app: Synthesised) -> None:
    limits = [mapping.properties.get("ScalingConfig") for mapping in sources(app)]
    # Those of HTTP, and all others.
    assert limits.count({"MaximumConcurrency": 50}) == 3
    assert limits.count({"MaximumConcurrency": 10}) == len(WITH_REDRIVE) - 3


def test_no_queue_takes_all_functions_of_the_account(app: Synthesised) -> None:
    functions = {function.name: name for name, function in app.functions().items()}
    limits = {
        functions[mapping.properties["FunctionName"]["Ref"]]: mapping.properties["ScalingConfig"]
        for mapping in sources(app)
    }
    others = {
        name: each["MaximumConcurrency"] for name, each in limits.items() if name not in LANES
    }
    assert others == {"enrich": 10, "route": 4, "replay": 5, "redrive": 2, "audit": 2}


def test_slow_subscriptions_occupy_half_of_a_lane_at_most(app: Synthesised) -> None:
    functions = app.functions()
    shares = {
        name: functions[name].properties["Environment"]["Variables"].get("PACED_SHARE")
        for name in functions
    }
    assert {name: share for name, share in shares.items() if share} == {
        "enrich": "5",
        "deliver_http_paced": "25",
        "deliver_http_slow": "25",
        "deliver_lambda_paced": "5",
        "deliver_lambda_slow": "5",
    }


def sent_by(app: Synthesised) -> dict[str, set[str]]:
    """The functions that may work what each function sends, at once or after it failed."""
    by_role = {
        (function.stack, function.properties["Role"]["Fn::GetAtt"][0]): name
        for name, function in app.functions().items()
    }
    sent: dict[str, set[str]] = {name: set() for name in by_role.values()}
    for policy, statement in app.statements():
        if statement["Effect"] == "Allow" and "sqs:SendMessage" in listed(statement["Action"]):
            sender = by_role[policy.stack, policy.properties["Roles"][0]["Ref"]]
            for queue, consumer in consumers(app).items():
                if queue in str(statement["Resource"]):
                    sent[sender].add(consumer)
    # What the function of a lane fails on goes to the one that works the redrive queues.
    for lane in WITH_REDRIVE:
        sent[lane].add("redrive")
    return sent


def reached(sent: dict[str, set[str]], start: str) -> set[str]:
    """The functions that what one sends can lead to."""
    found: set[str] = set()
    left = list(sent[start])
    while left:
        if (each := left.pop()) not in found:
            found.add(each)
            left += sent[each]
    return found


def test_recursion_is_allowed_where_messages_lead_back_and_the_code_ends_it(
    app: Synthesised,
) -> None:
    sent = sent_by(app)
    recursive = {name for name in sent if name in reached(sent, name)}
    # The router sets events aside from the stream alone, never from the queue that it works.
    unbounded = {"route"}
    assert unbounded <= recursive
    functions = app.functions()
    allowed = {
        name
        for name, function in functions.items()
        if function.properties.get("RecursiveLoop") == "Allow"
    }
    assert allowed == recursive - unbounded == WITH_REDRIVE | {"replay", "redrive", "audit"}
    for name in allowed:
        assert len(functions[name].body["Metadata"]["RecursionEndsBy"]) > 40, name
