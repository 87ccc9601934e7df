"""Each function has a role of its own, with single actions on single resources."""

from typing import Any

from botocore.session import Session
from event_bus.queues.message import ENRICH
from event_bus.settings import Settings

from tests.table_uses import LANE_NAMES
from tests.unit.infra.grants import INTERFACES, OF_THE_STREAM, STATISTICS, TRACING, grants_of
from tests.unit.infra.synthesised import Synthesised, listed

# Variables of functions that are not settings of the service.
OF_THE_RUNTIME = {
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_LOG_LEVEL",
    "STAGE",
    "PYDANTIC_DISABLE_PLUGINS",
}


def known_settings() -> set[str]:
    """The variables that the service's settings ask for."""
    asked: set[str] = set()

    class Recorder(dict[str, str]):
        def __missing__(self, name: str) -> str:
            asked.add(name)
            return "1"

        def get(self, name: str, default: Any = None) -> Any:
            asked.add(name)
            return default

    settings = Settings(Recorder())
    for name, attribute in vars(Settings).items():
        if isinstance(attribute, property):
            getattr(settings, name)
    return asked | {f"{name.upper()}_LANE_URL" for name in (*LANE_NAMES, ENRICH)}


def test_lambda_may_connect_functions_to_the_vpc_and_their_code_may_not(app: Synthesised) -> None:
    for name, function in app.functions().items():
        grants = [
            each for each in grants_of(app, function) if set(listed(each["Action"])) & INTERFACES
        ]
        if "VpcConfig" not in function.properties:
            assert grants == [], name
            continue
        allowed, denied = grants
        assert [allowed["Effect"], denied["Effect"]] == ["Allow", "Deny"], name
        assert set(allowed["Action"]) - TRACING == set(denied["Action"]) == INTERFACES, name
        own = str(denied["Condition"]["ArnLike"]["lambda:SourceFunctionArn"])
        assert f":function:event-bus-{app.stage}-*" in own, name
        # Lambda makes the interfaces while it makes the function.
        role = function.properties["Role"]["Fn::GetAtt"][0]
        [policy] = [
            each
            for each in app.resources("AWS::IAM::Policy")
            if each.stack == function.stack and each.properties["Roles"] == [{"Ref": role}]
        ]
        assert policy.name in function.body["DependsOn"], name


def test_no_action_is_a_wildcard(app: Synthesised) -> None:
    for policy, statement in app.statements():
        for action in listed(statement["Action"]):
            assert "*" not in action, policy


NOT_OPERATIONS = {
    # https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
    "dynamodb:ConditionCheckItem",
    "execute-api:ManageConnections",
    *("kms:ReEncryptFrom", "kms:ReEncryptTo"),
    "lambda:InvokeFunction",
    "s3:ListBucket",
}
"""The actions of IAM that are no operations of their services."""


def test_every_action_is_one_that_aws_knows(app: Synthesised) -> None:
    # IAM takes an unknown action without a word, and the call is refused.
    session = Session()
    granted = {action for _, each in app.statements() for action in listed(each["Action"])}
    for action in granted - NOT_OPERATIONS:
        service, _, operation = action.partition(":")
        name = {"states": "stepfunctions"}.get(service, service)
        if name == "dynamodb" and operation in OF_THE_STREAM:
            name = "dynamodbstreams"
        model = session.get_service_model(name)
        assert operation in model.operation_names, action


CONDITIONS = {"ArnLike", "StringEquals", "StringNotEquals"}
"""The operators of conditions, spelled as IAM lists them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""


def test_every_condition_has_an_operator_that_iam_lists(app: Synthesised) -> None:
    # The emulator takes other spellings as well.
    used = {operator for _, each in app.statements() for operator in each.get("Condition", {})}
    assert used <= CONDITIONS, used - CONDITIONS


def test_no_resource_is_a_wildcard(app: Synthesised) -> None:
    for policy, statement in app.statements():
        # X-Ray and CloudWatch know no resources for these, and network interfaces no names.
        if not set(listed(statement["Action"])) <= TRACING | STATISTICS | INTERFACES:
            assert "*" not in listed(statement["Resource"]), policy


def test_every_resource_is_an_arn_or_the_wildcard(app: Synthesised) -> None:
    # IAM refuses a policy with another one, and CloudFormation notices only then.
    for policy, statement in app.statements():
        for resource in listed(statement["Resource"]):
            begin = resource["Fn::Join"][1][0] if "Fn::Join" in resource else resource
            # Otherwise it refers to a resource.
            if isinstance(begin, str):
                assert begin == "*" or begin.startswith("arn:"), (policy, begin)


def test_no_function_has_a_managed_policy(app: Synthesised) -> None:
    for role in app.resources("AWS::IAM::Role"):
        if "lambda.amazonaws.com" in str(role.properties["AssumeRolePolicyDocument"]):
            assert "ManagedPolicyArns" not in role.properties, role


def test_every_function_has_its_own_role(app: Synthesised) -> None:
    roles = [
        function.properties["Role"]["Fn::GetAtt"][0]
        for function in app.resources("AWS::Lambda::Function")
    ]
    assert len(roles) == len(set(roles))
    trusted = {role.name: role.properties for role in app.resources("AWS::IAM::Role")}
    for role in roles:
        [statement] = trusted[role]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Effect"] == "Allow", role
        assert statement["Action"] == "sts:AssumeRole", role
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}, role


def test_functions_are_told_only_what_the_service_asks_for(app: Synthesised) -> None:
    known = known_settings() | OF_THE_RUNTIME
    for name, function in app.functions().items():
        variables = function.properties["Environment"]["Variables"].keys()
        assert variables >= OF_THE_RUNTIME, name
        assert variables <= known, name
