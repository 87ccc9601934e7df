"""Every function has a role of its own that may do what it needs, and nothing else."""

import re
from typing import Any

from event_bus.api.operations.registry import OPERATIONS
from event_bus.settings import Settings

from infra import tables
from tests.unit.infra.synthesised import LANE_NAMES, PACED, PROTOCOLS, Resource, Synthesised, listed

# What a function is told that is no setting of the service.
OF_THE_RUNTIME = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL", "STAGE"}

OF_A_LANE = {
    "subscriptions": {"BatchGetItem", "GetItem", "PutItem"},
    "changes": {"PutItem", "Query"},
    "circuits": {"BatchGetItem", "DeleteItem", "PutItem"},
    "cursors": {"UpdateItem"},
    "streams": {"Query"},
    "deliveries": {"BatchGetItem", "GetItem", "UpdateItem"},
    "events": {"GetItem", "PutItem"},
    "rights": {"BatchGetItem"},
}

OF_A_PACED_PROTOCOL = {
    **OF_A_LANE,
    "circuits": OF_A_LANE["circuits"] | {"GetItem"},
    "publishers": {"GetItem"},
}

# What the code of each function does with each table; what follows a slash is an index. The parts
# of a transaction need the actions of single writes (PutItem, DeleteItem).
KEPT_ANSWERS = {"DeleteItem", "PutItem", "UpdateItem"}

TABLES = {
    "authorize": {"keys": {"GetItem", "UpdateItem"}, "limits": {"UpdateItem"}},
    "publish": {
        "events": {"BatchGetItem", "GetItem", "PutItem"},
        "idempotency": {"GetItem", "PutItem"},
        "streams": {"PutItem", "Query"},
        "publishers": {"BatchGetItem", "GetItem"},
        "deliveries": {"BatchGetItem"},
        "subscriptions": {"Query/by_service"},
        "rights": {"BatchGetItem"},
    },
    "events": {
        "events": {
            "BatchGetItem",
            "GetItem",
            "Query/by_cell",
            "Query/by_correlation",
            "Query/by_trace",
        },
        "streams": {"Query"},
        "deliveries": {"BatchGetItem", "Query"},
        "subscriptions": {"GetItem", "Query/by_kind", "Query/by_service"},
        "publishers": {"GetItem", "Query/by_kind"},
        "rights": {"BatchGetItem"},
    },
    "keys": {
        "idempotency": KEPT_ANSWERS,
        "keys": {
            "BatchGetItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query/by_service",
            "UpdateItem",
        },
        "publishers": {"GetItem"},
        "subscriptions": {"BatchGetItem", "Query/by_service"},
        "changes": {"GetItem"},
    },
    "registry": {
        "idempotency": KEPT_ANSWERS,
        "publishers": {
            "BatchGetItem",
            "ConditionCheckItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query/by_kind",
        },
        "keys": {
            "BatchGetItem",
            "ConditionCheckItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query/by_service",
        },
        "subscriptions": {
            "BatchGetItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query/by_kind",
            "Query/by_service",
        },
        "changes": {"ConditionCheckItem", "GetItem", "PutItem", "Query", "UpdateItem"},
        "circuits": {"BatchGetItem", "DeleteItem", "PutItem", "Scan"},
        "events": {"PutItem"},
        "replays": {"GetItem", "PutItem"},
        "metrics": {"BatchGetItem"},
        "inbox": {"DeleteItem"},
        "rights": {"BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query/by_kind"},
    },
    "recovery": {
        "idempotency": KEPT_ANSWERS,
        "events": {"GetItem"},
        "deliveries": {
            "BatchGetItem",
            "GetItem",
            "Query",
            "Query/by_dead",
            "Query/by_dead_service",
            "UpdateItem",
        },
        "subscriptions": {"GetItem", "Query/by_service"},
        "rights": {"BatchGetItem"},
        "replays": {"GetItem", "PutItem", "Query/by_kind", "Query/by_service"},
    },
    "status": {
        "events": {"GetItem", "Query/by_cell"},
        "deliveries": {"BatchGetItem", "Query/by_due"},
        "metrics": {"BatchGetItem", "Query"},
        "subscriptions": {"BatchGetItem"},
        "replays": {"GetItem"},
    },
    "metrics": {
        "metrics": {"BatchGetItem"},
        "subscriptions": {"Scan"},
        "circuits": {"Scan"},
        "replays": {"GetItem", "Query/by_running"},
        "events": {"Query/by_cell"},
        "deliveries": {"BatchGetItem", "Query/by_due"},
    },
    "observe": {
        "metrics": {"BatchGetItem", "PutItem", "UpdateItem"},
        "events": {"PutItem"},
    },
    # Nobody changes or removes what it wrote, and nobody else writes.
    "audit": {
        "audit": {"PutItem", "Query"},
        "metrics": {"BatchGetItem", "PutItem"},
        "events": {"BatchGetItem"},
    },
    "audit_log": {"audit": {"Query"}},
    "route": {
        "deliveries": {"BatchGetItem", "BatchWriteItem", "Query", "UpdateItem"},
        "subscriptions": {"Scan"},
        "changes": {"Query"},
        "rights": {"Scan"},
        "events": {"BatchGetItem"},
    },
    **{
        f"deliver_{protocol}": {**OF_A_LANE, "publishers": {"GetItem"}}
        for protocol in PROTOCOLS
        if protocol not in ("inbox", *PACED)
    },
    "deliver_http": OF_A_PACED_PROTOCOL,
    "deliver_http_paced": OF_A_PACED_PROTOCOL,
    "deliver_inbox": {**OF_A_LANE, "inbox": {"GetItem", "PutItem", "UpdateItem"}},
    "inbox": {
        "subscriptions": {
            "BatchGetItem",
            "GetItem",
            "PutItem",
            "Query/by_service",
            "UpdateItem",
        },
        "changes": {"GetItem", "PutItem", "Query", "UpdateItem"},
        "keys": {"GetItem", "PutItem"},
        "inbox": {"GetItem", "Query"},
        "limits": {"UpdateItem"},
        "cursors": {"GetItem", "UpdateItem"},
        "events": {"BatchGetItem"},
        "publishers": {"GetItem"},
        "rights": {"BatchGetItem"},
    },
    **{
        name: {
            **OF_A_PACED_PROTOCOL,
            "publishers": {"BatchGetItem", "GetItem"},
            "streams": {"PutItem", "Query"},
            "events": {"BatchGetItem", "GetItem", "PutItem"},
        }
        for name in ("deliver_lambda", "deliver_lambda_paced")
    },
    "redrive": {"subscriptions": {"GetItem"}, "deliveries": {"GetItem", "UpdateItem"}},
    "replay": {
        "replays": {"GetItem", "PutItem"},
        "subscriptions": {"GetItem", "Scan"},
        "changes": {"Query"},
        "rights": {"Scan"},
        "events": {"BatchGetItem", "Query/by_cell", "Query/by_odd"},
        "deliveries": {"BatchGetItem", "UpdateItem"},
    },
    "sweep": {
        "deliveries": {"BatchGetItem", "Query/by_due", "UpdateItem"},
        "circuits": {"BatchGetItem"},
        "cursors": {"UpdateItem"},
        "events": {"Query/by_cell", "Query/by_odd"},
        "replays": {"Query/by_running"},
        "subscriptions": {
            "BatchGetItem",
            "DeleteItem",
            "GetItem",
            "Query/by_end",
            "Query/by_service",
        },
        "changes": {"GetItem", "PutItem", "Query", "UpdateItem"},
        "inbox": {"DeleteItem"},
    },
    "socket": {
        "socket_subscribers": {
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query",
            "Query/by_connection",
            "UpdateItem",
        },
        "inbox": {"DeleteItem", "GetItem", "Query"},
        "cursors": {"GetItem", "UpdateItem"},
        "events": {"BatchGetItem"},
        "subscriptions": {
            "BatchGetItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query/by_service",
        },
        "changes": {"GetItem", "PutItem", "Query", "UpdateItem"},
        "keys": {"GetItem"},
        "publishers": {"GetItem"},
        "rights": {"BatchGetItem"},
    },
    "push": {
        "keys": {"GetItem"},
        "publishers": {"GetItem"},
        "rights": {"BatchGetItem"},
        "socket_subscribers": {"DeleteItem", "GetItem", "Query", "UpdateItem"},
        "inbox": {"DeleteItem", "Query"},
        "events": {"BatchGetItem"},
        "subscriptions": {"BatchGetItem", "DeleteItem", "GetItem", "Query/by_service"},
        "changes": {"GetItem", "PutItem", "Query", "UpdateItem"},
    },
}

OF_THE_STREAM = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}

# Which queues each function sends messages to.
SENDERS: dict[str, set[str]] = {
    **{
        f"{protocol.upper()}_LANE_URL": {
            *("route", "recovery", "redrive", "replay", "sweep"),
            f"deliver_{protocol}",
        }
        for protocol in PROTOCOLS
    },
    # A protocol's lane hands over to its paced lane, which sends to itself.
    **{
        f"{protocol.upper()}_PACED_LANE_URL": {
            f"deliver_{protocol}",
            f"deliver_{protocol}_paced",
        }
        for protocol in PACED
    },
    "UNROUTABLE_QUEUE_URL": {"route", "sweep"},
    "REPLAY_QUEUE_URL": {"recovery", "registry", "replay", "sweep"},
    # The authorizer refuses WebSockets; the function of the log sets single events aside.
    "AUDIT_QUEUE_URL": {
        *(route.function for route in OPERATIONS if not route.public),
        *("authorize", "socket", "audit"),
    },
}


def tables_of(app: Synthesised, function: str) -> dict[str, set[str]]:
    """What a function does with each table."""
    used = TABLES[function]
    if app.local or function not in {route.function for route in OPERATIONS if not route.public}:
        return used
    # Callers that sign are found by the functions themselves.
    return used | {
        "keys": used.get("keys", set()) | {"GetItem", "UpdateItem"},
        "limits": {"UpdateItem"},
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
    return asked | {f"{name.upper()}_LANE_URL" for name in LANE_NAMES} | redrives()


def redrives() -> set[str]:
    """The variables that tell the names of redrive queues."""
    lanes = {f"{name.upper()}_LANE" for name in LANE_NAMES}
    return {f"{each}_REDRIVE_NAME" for each in lanes | {"AUDIT", "REPLAY", "UNROUTABLE"}}


TRACING = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
"""What functions do where they are traced."""

STATISTICS = {"cloudwatch:GetMetricStatistics"}
"""What those do who tell how old messages are."""


INTERFACES = {
    *("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
    *("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"),
    *("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"),
}
"""What Lambda does by the role of a function that is in a VPC."""


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


def test_no_resource_is_a_wildcard(app: Synthesised) -> None:
    for policy, statement in app.statements():
        # X-Ray and CloudWatch know no resources for these, and network interfaces no names.
        if not set(listed(statement["Action"])) <= TRACING | STATISTICS | INTERFACES:
            assert "*" not in listed(statement["Resource"]), policy


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
        and "SealingKey" not in str(statement["Resource"])
        and statement["Action"] != "kms:Sign"
    ]
    assert uses
    for statement in uses:
        assert "kms:ViaService" in statement["Condition"]["StringEquals"]


def grants_of(app: Synthesised, function: Resource) -> list[dict[str, Any]]:
    """The statements of a function's role."""
    role = function.properties["Role"]["Fn::GetAtt"][0]
    return [
        statement
        for policy, statement in app.statements()
        if policy.stack == function.stack and policy.properties["Roles"] == [{"Ref": role}]
    ]


def actions_of(app: Synthesised, function: Resource) -> set[str]:
    return {
        action for statement in grants_of(app, function) for action in listed(statement["Action"])
    }


TABLE_NAMES = {table.construct_id: table.name for table in tables.TABLES}
"""The names of the tables, by the ids of their constructs."""


def table_behind(arn: Any) -> tuple[str, str]:
    """The table that an ARN is about, and the index, if it is one of an index."""
    parts = arn["Fn::Join"][1] if "Fn::Join" in arn else [arn]
    exported = parts[0]["Fn::ImportValue"]
    match = re.search(r"GetAtt([A-Z][a-z]+)Table", exported)
    assert match, exported
    return TABLE_NAMES[match[1]], "".join(parts[1:]).replace("/index/", "/")


def uses_of_tables(app: Synthesised, function: Resource) -> dict[str, set[str]]:
    """What a function may do with each table."""
    uses: dict[str, set[str]] = {}
    for statement in grants_of(app, function):
        for action in listed(statement["Action"]):
            service, _, name = action.partition(":")
            if service != "dynamodb" or name in OF_THE_STREAM:
                continue
            for arn in listed(statement["Resource"]):
                table, index = table_behind(arn)
                uses.setdefault(table, set()).add(name + index)
    return uses


def test_functions_use_tables_as_their_code_does_and_in_no_other_way(app: Synthesised) -> None:
    functions = app.functions()
    assert functions.keys() == TABLES.keys()
    for name, function in functions.items():
        assert uses_of_tables(app, function) == tables_of(app, name), name


def test_functions_are_told_of_the_tables_they_use(app: Synthesised) -> None:
    for name, function in app.functions().items():
        variables = function.properties["Environment"]["Variables"]
        told = {each[:-6].lower() for each in variables if each.endswith("_TABLE")}
        assert told == tables_of(app, name).keys(), name


def test_functions_send_to_the_queues_they_are_told_of_and_to_no_others(app: Synthesised) -> None:
    functions = app.functions()
    for variable, senders in SENDERS.items():
        told = {
            name
            for name, function in functions.items()
            if variable in function.properties["Environment"]["Variables"]
        }
        # These two count messages, and send none.
        counts = {"status", "metrics"} - senders
        assert told - counts == senders, variable
    senders = {name for name in functions if "sqs:SendMessage" in actions_of(app, functions[name])}
    assert senders == set.union(*SENDERS.values())


def test_who_counts_what_was_given_up_does_not_send_it(app: Synthesised) -> None:
    known = redrives() | {"UNROUTABLE_REDRIVE_URL"}
    counted = {"metrics": redrives(), "status": {"UNROUTABLE_REDRIVE_URL"}}
    for name, function in app.functions().items():
        told = known & function.properties["Environment"]["Variables"].keys()
        assert told == counted.get(name, set()), name


def test_those_who_tell_how_old_messages_are_may_ask_cloudwatch(app: Synthesised) -> None:
    asking = {
        name for name, function in app.functions().items() if STATISTICS & actions_of(app, function)
    }
    assert asking == {"metrics", "status"}


def test_who_writes_tables_may_encrypt_and_who_only_reads_may_not(app: Synthesised) -> None:
    writes = {"BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem"}
    for name, function in app.functions().items():
        may_encrypt = any(
            "kms:GenerateDataKey" in listed(statement["Action"])
            and "dynamodb." in str(statement["Condition"])
            for statement in grants_of(app, function)
        )
        assert may_encrypt is bool(
            any(writes & actions for actions in tables_of(app, name).values())
        ), name


def test_only_publish_writes_payloads_and_only_readers_read_them(app: Synthesised) -> None:
    functions = app.functions()
    payloads = {
        name
        for name, function in functions.items()
        if "PAYLOADS_BUCKET" in function.properties["Environment"]["Variables"]
    }
    readers = {name for name in functions if "s3:GetObject" in actions_of(app, functions[name])}
    # The audit log reads what its stream gave up.
    assert payloads == readers - {"audit"} | {"publish"}
    assert "s3:GetObject" not in actions_of(app, functions["publish"])


def test_only_those_who_talk_to_clients_may_send_to_them(app: Synthesised) -> None:
    functions = app.functions()
    senders = {
        name
        for name in functions
        if "execute-api:ManageConnections" in actions_of(app, functions[name])
    }
    assert senders == {"socket", "push"}
    for name in senders:
        (grant,) = [
            each
            for each in grants_of(app, functions[name])
            if listed(each["Action"]) == ["execute-api:ManageConnections"]
        ]
        ends = {each["Fn::Join"][1][-1] for each in grant["Resource"]}
        assert ends == {f"/{app.stage}/{method}/@connections/*" for method in ("POST", "DELETE")}


def test_the_authorizer_reads_keys_and_notes_their_use(app: Synthesised) -> None:
    actions = actions_of(app, app.functions()["authorize"])
    assert actions - TRACING == {
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "secretsmanager:GetSecretValue",
        "sqs:SendMessage",
    }


def test_who_serves_websockets_knows_the_admin_key_by_its_version_alone(app: Synthesised) -> None:
    readers = {
        name: actions
        for name, function in app.functions().items()
        if (
            actions := {
                action
                for each in grants_of(app, function)
                for action in listed(each["Action"])
                if action.startswith("secretsmanager:")
            }
        )
    }
    assert readers == {
        "authorize": {"secretsmanager:GetSecretValue"},
        "socket": {"secretsmanager:DescribeSecret"},
        "push": {"secretsmanager:DescribeSecret"},
    }


def test_secrets_are_sealed_where_they_are_made_and_opened_where_they_sign(
    app: Synthesised,
) -> None:
    assert uses_of_the_sealing_key(app, "signing-secret") == {
        "registry": {"kms:Encrypt"},
        "deliver_http": {"kms:Decrypt"},
        "deliver_http_paced": {"kms:Decrypt"},
    }


def test_payloads_are_sealed_where_they_come_in_and_opened_where_they_are_read(
    app: Synthesised,
) -> None:
    uses = uses_of_the_sealing_key(app, "event-payload")
    lanes = {f"deliver_{name}" for name in LANE_NAMES} - {"deliver_inbox"}
    assert uses.keys() == lanes | {"publish", "events", "inbox", "push", "socket"}
    for name, actions in uses.items():
        takes_in = name in ("publish", "deliver_lambda", "deliver_lambda_paced")
        assert actions == {"kms:Decrypt"} | ({"kms:GenerateDataKey"} if takes_in else set()), name


def test_answers_are_sealed_where_requests_are_sent_again_and_opened_nowhere_else(
    app: Synthesised,
) -> None:
    sealing = {"kms:Decrypt", "kms:GenerateDataKey"}
    assert uses_of_the_sealing_key(app, "kept-answer") == dict.fromkeys(
        ("keys", "recovery", "registry"), sealing
    )


def uses_of_the_sealing_key(app: Synthesised, purpose: str) -> dict[str, set[str]]:
    """What functions may do with the sealing key where the context names a purpose."""
    uses: dict[str, set[str]] = {}
    for name, function in app.functions().items():
        for statement in grants_of(app, function):
            if "SealingKey" in str(statement["Resource"]):
                [(operator, asked)] = statement["Condition"].items()
                assert operator == "StringEquals"
                if asked == {"kms:EncryptionContext:purpose": purpose}:
                    uses.setdefault(name, set()).update(listed(statement["Action"]))
    return uses


def test_the_audit_log_is_signed_by_who_writes_it_and_its_signatures_stay(
    app: Synthesised,
) -> None:
    signers = {
        name
        for name, function in app.functions().items()
        if "kms:Sign" in actions_of(app, function)
    }
    assert signers == {"audit"}
    assert "s3:DeleteObject" not in actions_of(app, app.functions()["audit"])
    denied = [
        statement
        for policy in app.resources("AWS::S3::BucketPolicy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "KeptUntilItsTime"
    ]
    assert [each["Effect"] for each in denied] == ([] if app.local else ["Deny"])
