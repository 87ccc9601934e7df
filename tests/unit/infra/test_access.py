"""Every function has a role of its own that may do what it needs, and nothing else."""

from typing import Any

from event_bus.settings import Settings

from tests.unit.infra.synthesised import Resource, Synthesised

# What a function is told that is no setting of the service.
OF_THE_RUNTIME = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL", "STAGE"}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def known_settings() -> set[str]:
    """The variables that the service's settings ask for."""
    asked: set[str] = set()

    class Recorder(dict[str, str]):
        def __missing__(self, name: str) -> str:
            asked.add(name)
            return "1"

    settings = Settings(Recorder())
    for name, attribute in vars(Settings).items():
        if isinstance(attribute, property):
            getattr(settings, name)
    return asked


def test_no_action_is_a_wildcard(app: Synthesised) -> None:
    for policy, statement in app.statements():
        assert statement["Effect"] == "Allow", policy
        for action in listed(statement["Action"]):
            assert "*" not in action, policy


def test_no_resource_is_a_wildcard(app: Synthesised) -> None:
    for policy, statement in app.statements():
        assert "*" not in listed(statement["Resource"]), policy


def test_no_role_has_a_managed_policy(app: Synthesised) -> None:
    for role in app.resources("AWS::IAM::Role"):
        assert "ManagedPolicyArns" not in role.properties, role


def test_every_function_has_its_own_role(app: Synthesised) -> None:
    roles = [
        function.properties["Role"]["Fn::GetAtt"][0]
        for function in app.resources("AWS::Lambda::Function")
    ]
    assert len(roles) == len(set(roles))


def test_functions_are_told_only_what_the_service_asks_for(app: Synthesised) -> None:
    known = known_settings() | OF_THE_RUNTIME
    for name, function in app.functions().items():
        variables = function.properties["Environment"]["Variables"].keys()
        assert variables >= OF_THE_RUNTIME, name
        assert variables <= known, name


def test_the_key_is_used_through_one_service_at_a_time(app: Synthesised) -> None:
    uses = [
        statement
        for _, statement in app.statements()
        if any(action.startswith("kms:") for action in listed(statement["Action"]))
    ]
    assert uses
    for statement in uses:
        assert "kms:ViaService" in statement["Condition"]["StringEquals"]


def actions_of(app: Synthesised, function: Resource) -> set[str]:
    role = function.properties["Role"]["Fn::GetAtt"][0]
    return {
        action
        for policy, statement in app.statements()
        if policy.stack == function.stack and policy.properties["Roles"] == [{"Ref": role}]
        for action in listed(statement["Action"])
    }


def test_only_publish_writes_payloads_and_only_readers_read_them(app: Synthesised) -> None:
    functions = app.functions()
    payloads = {
        name
        for name, function in functions.items()
        if "PAYLOADS_BUCKET" in function.properties["Environment"]["Variables"]
    }
    readers = {name for name in functions if "s3:GetObject" in actions_of(app, functions[name])}
    assert payloads == readers | {"publish"}
    assert "s3:GetObject" not in actions_of(app, functions["publish"])


def test_only_the_registry_writes_keys_and_subscriptions(app: Synthesised) -> None:
    deletes = {
        name
        for name, function in app.functions().items()
        if "dynamodb:DeleteItem" in actions_of(app, function)
    }
    assert deletes == {"registry"}


def test_the_authorizer_reads_and_does_nothing_else(app: Synthesised) -> None:
    actions = actions_of(app, app.functions()["authorize"])
    assert actions == {
        "dynamodb:GetItem",
        "kms:Decrypt",
        "kms:DescribeKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "secretsmanager:GetSecretValue",
    }
