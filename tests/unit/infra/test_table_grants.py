"""Functions use tables as their code does, and in no other way."""

from tests.table_uses import TABLES, tables_of
from tests.unit.infra.grants import TRACING, actions_of, grants_of, uses_of_tables
from tests.unit.infra.synthesised import Synthesised, listed


def test_functions_are_granted_exactly_the_table_actions_of_their_code(app: Synthesised) -> None:
    functions = app.functions()
    assert functions.keys() == TABLES.keys()
    for name, function in functions.items():
        assert uses_of_tables(app, function) == tables_of(app, name), name


def test_functions_are_told_of_the_tables_they_use(app: Synthesised) -> None:
    for name, function in app.functions().items():
        variables = function.properties["Environment"]["Variables"]
        told = {each[:-6].lower() for each in variables if each.endswith("_TABLE")}
        assert told == tables_of(app, name).keys(), name


def test_functions_that_write_tables_may_encrypt_and_readers_may_not(app: Synthesised) -> None:
    writes = {"DeleteItem", "PutItem", "UpdateItem"}
    for name, function in app.functions().items():
        may_encrypt = any(
            "kms:GenerateDataKey" in listed(statement["Action"])
            and "dynamodb." in str(statement["Condition"])
            for statement in grants_of(app, function)
        )
        assert may_encrypt is bool(
            any(writes & actions for actions in tables_of(app, name).values())
        ), name


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
