"""Lanes reach what its owner has opted in, and nothing else.

The roles of the templates are judged by the emulator's evaluation of policies, which is not ours.
"""

from typing import Any

import pytest
from event_bus.queues.message import protocol_and_kind
from event_bus.targets.registry import TARGETS
from ministack.core.iam_evaluator import (  # type: ignore[import-untyped]
    EvalContext,
    evaluate,
    parse_policy_document,
)

from tests.table_uses import LANE_NAMES
from tests.unit.infra.grants import actions_of, grants_of
from tests.unit.infra.synthesised import Synthesised, listed

REGION, ACCOUNT, OTHER_ACCOUNT = "eu-west-1", "123456789012", "210987654321"

LANES = {
    f"deliver_{lane}": (resources.service, resources.action, resources.kind)
    for lane in LANE_NAMES
    if (resources := TARGETS.of_lane(protocol_and_kind(lane)[0]).grants.resources)
}
"""What each lane that delivers by AWS does: the service, the action, the kind of resource."""

REDUCE = ("events", "replay")
"""The functions that make states, and so call the functions that reduce."""

READS_TAGS = {
    f"{resources.service}:{resources.reads_tags}"
    for target in TARGETS.all()
    if (resources := target.grants.resources)
}


def resolved(value: Any, stage: str) -> str:
    """A value of a template as CloudFormation would make it."""
    if isinstance(value, str):
        return value
    [(function, given)] = value.items()
    match function:
        case "Fn::Join":
            return str(given[0].join(resolved(each, stage) for each in given[1]))
        case "Ref":
            known = {"Region": REGION, "AccountId": ACCOUNT, "Partition": "aws"}
            return known[given.removeprefix("AWS::")]
        case "Fn::GetAtt":
            return queue(f"event-bus-{stage}-bus-{given[0]}")
        case _:
            return queue(f"event-bus-{stage}-imported-{given}")


def queue(name: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def may(
    app: Synthesised, name: str, action: str, resource: str, tags: dict[str, str] | None = None
) -> bool:
    """Whether a function may do something with a resource that has these tags."""
    function = app.functions()[name]
    statements = [
        {
            **each,
            "Action": [one for one in listed(each["Action"]) if isinstance(one, str)],
            "Resource": [resolved(arn, app.stage) for arn in listed(each["Resource"])],
        }
        for each in grants_of(app, function)
        if action in listed(each["Action"])
    ]
    context = EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/one",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region=REGION,
        service_context={
            f"aws:ResourceTag/{key}".lower(): value for key, value in (tags or {}).items()
        },
    )
    policy = parse_policy_document({"Version": "2012-10-17", "Statement": statements})
    return str(evaluate(context, [policy]).decision) == "Allow"


def delivers(
    app: Synthesised,
    lane: str,
    name: str,
    tags: dict[str, str] | None = None,
    account: str = ACCOUNT,
) -> bool:
    """Whether a lane may deliver to a resource of its service."""
    service, action, kind = LANES[lane]
    arn = f"arn:aws:{service}:{REGION}:{account}:{kind}{name}"
    return may(app, lane, f"{service}:{action}", arn, tags)


@pytest.fixture(params=LANES)
def lane(request: pytest.FixtureRequest) -> str:
    """A lane that delivers by AWS."""
    name: str = request.param
    return name


def test_a_tag_opts_a_resource_in_to_one_stage(app: Synthesised, lane: str) -> None:
    tag = {f"event-bus-{app.stage}": "target"}
    assert delivers(app, lane, "orders", tag)
    assert not delivers(app, lane, "orders")
    assert not delivers(app, lane, "orders", {"event-bus-other": "target"})
    assert not delivers(app, lane, "orders", {f"event-bus-{app.stage}": "no"})
    assert not delivers(app, lane, "orders", {"team": "target"})


def test_no_resource_of_a_bus_is_a_target(app: Synthesised, lane: str) -> None:
    tag = {f"event-bus-{app.stage}": "target"}
    assert not delivers(app, lane, "event-bus-other-bus-StrandedQueue-1")
    assert not delivers(app, lane, "eventbus-other-sub_1")
    if lane != "deliver_sqs":
        assert not delivers(app, lane, f"event-bus-{app.stage}-bus-RouteFunction-1", tag)


def test_the_mirror_is_a_target_of_its_own_stage(app: Synthesised) -> None:
    [mirror] = app.resources("AWS::Events::EventBus")
    tags = {each["Key"]: each["Value"] for each in mirror.properties["Tags"]}
    assert tags == {f"event-bus-{app.stage}": "target"}
    assert delivers(app, "deliver_eventbridge", f"event-bus-{app.stage}", tags)
    assert not delivers(
        app, "deliver_eventbridge", "event-bus-other", {"event-bus-other": "target"}
    )
    assert not delivers(app, "deliver_eventbridge", "default")


def test_nothing_else_of_the_bus_has_the_tag(app: Synthesised) -> None:
    tagged = {
        body["Type"]
        for template in app.templates.values()
        for body in template["Resources"].values()
        if f"event-bus-{app.stage}" in tag_keys(body.get("Properties", {}).get("Tags", []))
    }
    assert tagged == {"AWS::Events::EventBus"}


def tag_keys(tags: Any) -> set[str]:
    """The keys of the tags of a resource, whose property is a list or an object."""
    return set(tags) if isinstance(tags, dict) else {each["Key"] for each in tags}


def test_the_lane_of_queues_sends_to_its_own_one_and_to_no_other_of_the_bus(
    app: Synthesised,
) -> None:
    deliver = app.functions()["deliver_sqs"]
    own = deliver.properties["Environment"]["Variables"]["SQS_LANE_URL"]["Ref"]
    [denied] = [each for each in grants_of(app, deliver) if each["Effect"] == "Deny"]
    assert denied["Action"] == "sqs:SendMessage"
    # It moves there what is to be enriched first.
    enrich = deliver.properties["Environment"]["Variables"]["ENRICH_LANE_URL"]["Ref"]
    others = {queue.name for queue in app.resources("AWS::SQS::Queue")} - {own, enrich}
    tag = {f"event-bus-{app.stage}": "target"}
    for arn in denied["Resource"]:
        assert not may(app, "deliver_sqs", "sqs:SendMessage", resolved(arn, app.stage), tag)
    for other in others:
        # Those of other stacks are imported by a name that holds theirs.
        assert [each for each in denied["Resource"] if other in str(each)], other
    assert len(denied["Resource"]) == len(others)
    assert delivers(app, "deliver_sqs", f"event-bus-{app.stage}-bus-{own}")


def test_managed_queues_need_no_tag(app: Synthesised) -> None:
    assert delivers(app, "deliver_sqs", f"eventbus-{app.stage}-sub_1")
    assert delivers(app, "deliver_sqs", f"eventbus-{app.stage}-sub_1.fifo")
    assert delivers(app, "deliver_sqs", f"eventbus-{app.stage}-put_0a1b2c")


@pytest.mark.parametrize("other", ["eu", "sub", "put-2"])
def test_managed_queues_of_a_stage_with_a_longer_name_belong_to_that_stage(
    app: Synthesised, other: str
) -> None:
    for name in ("sub_1", "sub_1-redrive", "put_0a1b2c.fifo"):
        own, theirs = (f"eventbus-{each}-{name}" for each in (app.stage, f"{app.stage}-{other}"))
        assert not delivers(app, "deliver_sqs", theirs)
        for action in ("CreateQueue", "DeleteQueue", "SetQueueAttributes"):
            assert may(app, "registry", f"sqs:{action}", queue(own))
            assert not may(app, "registry", f"sqs:{action}", queue(theirs))


def test_other_accounts_are_reached_where_the_settings_name_them(
    app: Synthesised, lane: str
) -> None:
    # Their own policies, without which nothing is permitted across accounts, open their resources.
    assert delivers(app, lane, "orders", account=OTHER_ACCOUNT) is not app.local
    assert not delivers(app, lane, "orders", account="111111111111")


def test_functions_are_told_the_accounts_whose_resources_they_reach(app: Synthesised) -> None:
    told = {
        resolved(variables["TARGET_ACCOUNTS"], app.stage)
        for function in app.functions().values()
        if "TARGET_ACCOUNTS" in (variables := function.properties["Environment"]["Variables"])
    }
    assert told == {ACCOUNT if app.local else f"{ACCOUNT},{OTHER_ACCOUNT}"}


def test_the_settings_may_name_resources_without_a_tag(app: Synthesised) -> None:
    assert delivers(app, "deliver_sqs", "old-orders") is not app.local
    assert delivers(app, "deliver_eventbridge", "x") is not app.local
    assert not delivers(app, "deliver_sqs", "new-orders")
    assert not delivers(app, "deliver_lambda", "old-bill")
    told = app.functions()["registry"].properties["Environment"]["Variables"]
    assert bool(told["UNTAGGED_TARGETS"]) is not app.local


def test_roles_are_assumed_by_few_functions_and_by_their_prefix(
    app: Synthesised,
) -> None:
    for name, function in app.functions().items():
        calls = name in LANES or name in ("enrich", *REDUCE)
        assert ("sts:AssumeRole" in actions_of(app, function)) is calls, name
    for lane in LANES:
        for account in (ACCOUNT, OTHER_ACCOUNT):
            role = f"arn:aws:iam::{account}:role/"
            named = account == ACCOUNT or not app.local
            for path in ("", "teams/", "teams/billing/"):
                assert may(app, lane, "sts:AssumeRole", f"{role}{path}event-bus-delivery") is named
                assert not may(app, lane, "sts:AssumeRole", f"{role}{path}admin")


def test_no_role_of_the_bus_can_be_assumed_by_a_lane(app: Synthesised) -> None:
    """The names of these roles begin as those of roles that lanes assume."""
    for role in app.resources("AWS::IAM::Role"):
        for trust in role.properties["AssumeRolePolicyDocument"]["Statement"]:
            assert trust["Principal"].keys() == {"Service"}, role


def test_lanes_do_nothing_else_with_their_targets(app: Synthesised) -> None:
    for lane, (service, action, _) in LANES.items():
        done = {each for each in actions_of(app, app.functions()[lane]) if each[:3] == service[:3]}
        consumes = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
        assert done - consumes == {f"{service}:{action}"}, lane


def test_the_registry_alone_reads_tags(app: Synthesised) -> None:
    for name, function in app.functions().items():
        read = READS_TAGS & actions_of(app, function)
        assert read == (READS_TAGS if name == "registry" else set()), name
    for service, _, kind in LANES.values():
        arn = f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}orders"
        [action] = [each for each in READS_TAGS if each.startswith(f"{service}:")]
        assert may(app, "registry", action, arn)


def test_lanes_may_call_only_the_enrichment_function_of_the_bus(app: Synthesised) -> None:
    [tag] = app.functions()["enrich"].properties["Tags"]
    tags = {tag["Key"]: tag["Value"]}
    for name, function in app.functions().items():
        calls = "lambda:InvokeFunction" in actions_of(app, function)
        delivers_with_payload = name.startswith("deliver_") and name != "deliver_inbox"
        assert calls is (delivers_with_payload or name in ("enrich", *REDUCE)), name
        if not delivers_with_payload:
            continue
        assert "ENRICH_FUNCTION" in function.properties["Environment"]["Variables"], name
        [enrich] = [
            each
            for each in grants_of(app, function)
            if each["Effect"] == "Allow"
            and listed(each["Action"]) == ["lambda:InvokeFunction"]
            and app.functions()["enrich"].name in str(each["Resource"])
        ]
        assert "Condition" not in enrich, name
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:event-bus-{app.stage}-bus-RouteFunction-1"
    opted_in = {f"event-bus-{app.stage}": "target"}
    assert not may(app, "deliver_lambda", "lambda:InvokeFunction", arn, opted_in)
    assert may(app, "deliver_lambda", "lambda:InvokeFunction", arn, {**tags, **opted_in})
    assert not may(app, "enrich", "lambda:InvokeFunction", arn, {**tags, **opted_in})


@pytest.mark.parametrize("name", REDUCE)
def test_reducing_functions_need_the_tag_of_targets(app: Synthesised, name: str) -> None:
    opted_in = {f"event-bus-{app.stage}": "target"}

    def calls(function: str, tags: dict[str, str] | None = None, account: str = ACCOUNT) -> bool:
        arn = f"arn:aws:lambda:{REGION}:{account}:function:{function}"
        return may(app, name, "lambda:InvokeFunction", arn, tags)

    assert calls("fold:3", opted_in)
    assert not calls("fold:3")
    assert not calls("fold:3", {"event-bus-other": "target"})
    # Not those of the bus, whatever their tags.
    assert not calls(f"event-bus-{app.stage}-bus-RouteFunction-1", opted_in)
    assert not calls(f"event-bus-{app.stage}-bus-RouteFunction-1:3", opted_in)
    assert calls("fold:3", account=OTHER_ACCOUNT) is not app.local
    assert not calls("fold:3", account="111111111111")
    role = f"arn:aws:iam::{ACCOUNT}:role/"
    assert may(app, name, "sts:AssumeRole", f"{role}event-bus-fold")
    assert not may(app, name, "sts:AssumeRole", f"{role}admin")
