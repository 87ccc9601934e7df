"""Keys, secrets and payloads are opened where they are needed, and nowhere else."""

import re

import pytest

from tests.service_uses import PAYLOADS, READERS, SEALING
from tests.unit.infra.grants import actions_of, grants_of
from tests.unit.infra.synthesised import Synthesised, listed


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


def test_functions_use_the_keys_and_the_secret_that_they_are_told_of(app: Synthesised) -> None:
    told_by_action = {
        "kms:Decrypt": "SEALING_KEY_ARN",
        "kms:Encrypt": "SEALING_KEY_ARN",
        "kms:GenerateDataKey": "SEALING_KEY_ARN",
        "kms:Sign": "AUDIT_KEY_ARN",
        "secretsmanager:DescribeSecret": "ADMIN_SECRET_ARN",
        "secretsmanager:GetSecretValue": "ADMIN_SECRET_ARN",
    }
    for name, function in app.functions().items():
        variables = function.properties["Environment"]["Variables"]
        for statement in grants_of(app, function):
            if "kms:ViaService" in str(statement.get("Condition")):
                # A service encrypts everything with the one key of the bus.
                assert re.search(r"GetAttKey[0-9A-F]{8}Arn", str(statement["Resource"])), name
                continue
            for action in told_by_action.keys() & set(listed(statement["Action"])):
                told = variables[told_by_action[action]]
                assert listed(statement["Resource"]) == [told], (name, action)


def test_the_audit_log_is_signed_with_its_own_key_for_its_own_bucket(app: Synthesised) -> None:
    audit = app.functions()["audit"]
    variables = audit.properties["Environment"]["Variables"]
    [key] = [each for each in app.resources("AWS::KMS::Key") if each.stack == "Audit"]
    # What the verifier expects: ECDSA_SHA_256.
    assert key.properties["KeySpec"] == "ECC_NIST_P256"
    assert key.properties["KeyUsage"] == "SIGN_VERIFY"
    assert variables["AUDIT_KEY_ARN"] == {"Fn::GetAtt": [key.name, "Arn"]}
    [heads] = [each for each in app.resources("AWS::S3::Bucket") if each.stack == "Audit"]
    assert variables["AUDIT_BUCKET"] == {"Ref": heads.name}
    bucket = {"Fn::GetAtt": [heads.name, "Arn"]}
    allowed = {
        (action, str(arn))
        for statement in grants_of(app, audit)
        for action in listed(statement["Action"])
        for arn in listed(statement["Resource"])
        if heads.name in str(arn)
    }
    assert allowed == {
        ("s3:PutObject", str({"Fn::Join": ["", [bucket, "/*"]]})),
        # To see whether a chain has a signed head.
        ("s3:ListBucket", str(bucket)),
    }


def test_each_service_uses_the_key_as_it_needs_for_what_a_function_does(app: Synthesised) -> None:
    reads_tables = {"kms:Decrypt", "kms:DescribeKey"}
    writes_tables = {"kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"}
    expected = {
        "dynamodb": [reads_tables, reads_tables | writes_tables],
        "s3": [{"kms:Decrypt"}, {"kms:Decrypt", "kms:GenerateDataKey"}],
        "secretsmanager": [{"kms:Decrypt"}],
    }
    found: dict[str, list[set[str]]] = {}
    for function in app.functions().values():
        for statement in grants_of(app, function):
            through = statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService")
            if through:
                service = through["Fn::Join"][1][0].rstrip(".")
                uses = found.setdefault(service, [])
                if (actions := set(listed(statement["Action"]))) not in uses:
                    uses.append(actions)
    assert {service: sorted(uses, key=len) for service, uses in found.items()} == expected


def test_functions_are_granted_payloads_and_the_archive_as_needed(app: Synthesised) -> None:
    used: dict[str, set[str]] = {}
    for name, function in app.functions().items():
        for statement in grants_of(app, function):
            for arn in listed(statement["Resource"]):
                if "PayloadsBucket" in str(arn):
                    for action in listed(statement["Action"]):
                        use = f"{action} {arn['Fn::Join'][1][-1] if 'Fn::Join' in arn else ''}"
                        used.setdefault(name, set()).add(use)
        told = "PAYLOADS_BUCKET" in function.properties["Environment"]["Variables"]
        assert told is (name in used), name
    expected = {
        name: {f"s3:{action} /{prefix}*" for action, prefix in uses}
        for name, uses in PAYLOADS.items()
        if name != "sweep" or not app.local
    }
    # Without it, S3 does not tell a missing object from one that may not be read.
    for name in {*READERS, "audit", "redrive"}:
        expected[name].add("s3:ListBucket ")
    assert used == expected


def test_functions_of_websockets_know_only_the_version_of_the_admin_key(app: Synthesised) -> None:
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


@pytest.mark.parametrize("purpose", SEALING)
def test_the_sealing_key_is_used_for_each_purpose_as_needed(app: Synthesised, purpose: str) -> None:
    assert uses_of_the_sealing_key(app, purpose) == {
        function: {f"kms:{action}" for action in actions}
        for function, actions in SEALING[purpose].items()
    }


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
    assert_nobody_deletes(app, "KeptUntilItsTime", "Heads", "/*")


def assert_nobody_deletes(app: Synthesised, sid: str, bucket: str, path: str) -> None:
    """The policy of a bucket denies everybody to delete certain objects and their versions."""
    denied = [
        statement
        for policy in app.resources("AWS::S3::BucketPolicy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement.get("Sid") == sid
    ]
    if app.local:
        # All goes with its stacks.
        assert denied == []
        return
    [statement] = denied
    assert (statement["Effect"], statement["Principal"]) == ("Deny", {"AWS": "*"})
    assert statement["Action"] == ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    assert "Condition" not in statement
    of, objects = statement["Resource"]["Fn::Join"][1]
    assert bucket in str(of)
    assert objects == path


def test_functions_read_objects_and_add_some_and_do_nothing_else_with_them(
    app: Synthesised,
) -> None:
    actions = {
        name: {each for each in actions_of(app, function) if each.startswith("s3:")}
        for name, function in app.functions().items()
    }
    assert set.union(*actions.values()) == {"s3:GetObject", "s3:ListBucket", "s3:PutObject"}


def test_nobody_deletes_from_the_archive(app: Synthesised) -> None:
    for name, function in app.functions().items():
        assert "s3:DeleteObject" not in actions_of(app, function), name
    assert_nobody_deletes(app, "Archive", "Payloads", "/archive/*")
