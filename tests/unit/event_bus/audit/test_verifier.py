"""The command that verifies the audit log names each change of it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
import typer
from event_bus import times
from event_bus.audit.__main__ import verify
from event_bus.audit.appender import AuditAppender
from event_bus.audit.signer import Signer
from event_bus.model.audit_chain import AuditBlock, Chain, head_of, next_block
from event_bus.stores.audit import AuditStore
from event_bus.stores.audit_heads import AuditHeads

from infra.settings import DeploymentSettings
from tests.aws import Aws

pytestmark = pytest.mark.moto

RETENTION_DAYS = 30


@dataclass(frozen=True)
class Log:
    """The audit log of the stage `prod`.

    Attributes:
        aws: Its table and its bucket.
        key: The ARN of the key that signs it.
    """

    aws: Aws
    key: str

    @property
    def blocks(self) -> AuditStore:
        return AuditStore(self.aws.table("audit"), RETENTION_DAYS)

    @property
    def heads(self) -> AuditHeads:
        return AuditHeads(self.aws.s3, self.aws.bucket)

    @property
    def signer(self) -> Signer:
        return Signer(self.aws.kms, self.key)

    def append(self, chain: Chain, *names: str) -> None:
        """Writes a block for each entry."""
        for name in names:
            AuditAppender(self.blocks, self.heads, self.signer).append(chain, [{"id": name}])

    def block(self, chain: Chain, number: int) -> AuditBlock:
        return next(each for each in self.blocks.forwards(chain) if each.number == number)

    def remove(self, chain: Chain, number: int) -> None:
        key: Any = {"chain": {"S": chain}, "number": {"N": str(number)}}
        self.aws.dynamodb.delete_item(TableName=self.blocks.table.name, Key=key)

    def replace(self, block: AuditBlock) -> None:
        """Puts a block in the place of the one with its number."""
        self.remove(block.chain, block.number)
        assert self.blocks.add(block)


def signing_key(aws: Aws, spec: Any = "ECC_NIST_P256") -> str:
    return aws.kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]


@pytest.fixture
def log(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Log:
    """A log with three blocks in one chain and one in the other; the command finds it."""
    made = Log(aws, signing_key(aws))
    deploy(monkeypatch, made)
    made.append("operations", "a", "b", "c")
    made.append("events", "d")
    return made


def deploy(monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    outputs = {
        "event-bus-prod-data": {"AuditTable": log.blocks.table.name},
        "event-bus-prod-audit": {"AuditBucket": log.heads.bucket, "AuditKeyArn": log.key},
    }

    class Stacks:
        def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 - AWS names it
            listed = [
                {"OutputKey": name, "OutputValue": value}
                for name, value in outputs[StackName].items()
            ]
            return {"Stacks": [{"Outputs": listed}]}

    clients = {
        "cloudformation": Stacks(),
        "dynamodb": log.aws.dynamodb,
        "s3": log.aws.s3,
        "kms": log.aws.kms,
    }
    monkeypatch.setattr(boto3, "client", clients.__getitem__)


def said(capsys: pytest.CaptureFixture[str], code: int) -> list[str]:
    """What the command prints, which ends with this code."""
    found = 0
    try:
        verify("prod", RETENTION_DAYS)
    except typer.Exit as end:
        found = end.exit_code
    assert found == code
    return capsys.readouterr().out.splitlines()


def test_a_log_that_nobody_changed(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, 0) == ["The audit log is as it was written."]


def edited(log: Log) -> None:
    block = log.block("operations", 2)
    values: Any = {":entries": {"S": '[{"id":"x"}]'}}
    log.aws.dynamodb.update_item(
        TableName=log.blocks.table.name,
        Key={"chain": {"S": block.chain}, "number": {"N": "2"}},
        UpdateExpression="SET entries = :entries",
        ExpressionAttributeValues=values,
    )


def removed(log: Log) -> None:
    log.remove("operations", 2)


def cut_off(log: Log) -> None:
    log.remove("operations", 3)


def written_anew_without_the_key(log: Log) -> None:
    before = log.block("operations", 1)
    other = next_block("operations", head_of(before), times.now(), [{"id": "x"}])
    log.replace(Signer(log.aws.kms, signing_key(log.aws)).signed(other))


def written_anew_with_the_key(log: Log) -> None:
    before = log.block("operations", 1)
    other = next_block("operations", head_of(before), times.now(), [{"id": "x"}])
    log.replace(log.signer.signed(other))


def continued_with_a_gap(log: Log) -> None:
    last = log.block("events", 1)
    for _ in range(2):
        last = next_block("events", head_of(last), times.now(), [{"id": "x"}])
    assert log.blocks.add(log.signer.signed(last))


def a_head_without_signature(log: Log) -> None:
    last = next_block("events", head_of(log.block("events", 1)), times.now(), [])
    log.heads.put(head_of(last))
    log.heads.put(head_of(Signer(log.aws.kms, signing_key(log.aws)).signed(last)))


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (edited, ["operations 2: its content was changed"]),
        (
            removed,
            [
                "operations 3: it does not follow the block before it, 1",
                "operations 2: the block is missing",
            ],
        ),
        (cut_off, ["operations 3: the block is missing"]),
        (
            written_anew_without_the_key,
            [
                "operations 2: its signature is forged",
                "operations 3: the block before it is another one",
                "operations 2: another block was written there",
            ],
        ),
        (
            written_anew_with_the_key,
            [
                "operations 3: the block before it is another one",
                "operations 2: another block was written there",
            ],
        ),
        (continued_with_a_gap, ["events 3: it does not follow the block before it, 1"]),
        (a_head_without_signature, ["events 2: the separately stored head is forged"]),
    ],
)
def test_a_change_is_named(
    log: Log,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Log], None],
    faults: list[str],
) -> None:
    change(log)
    assert said(capsys, 1) == faults


@pytest.mark.parametrize(("days", "code"), [(29, 1), (31, 0)])
def test_blocks_may_be_gone_once_they_have_expired(
    log: Log,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    code: int,
) -> None:
    written = times.at(times.unix() - days * 86_400)
    with monkeypatch.context() as past:
        past.setattr(times, "now", lambda: written)
        log.remove("events", 1)
        # A head from then stays longer than its block.
        old = log.signer.signed(next_block("events", None, times.now(), [{"id": "old"}]))
        log.aws.s3.delete_object(
            Bucket=log.heads.bucket,
            Key=next(name for name in log.aws.objects() if name.startswith("events/")),
        )
        log.heads.put(head_of(old))
    missing = ["events 1: the block is missing"]
    assert said(capsys, code) == (missing if code else ["The audit log is as it was written."])


def test_a_key_of_another_kind_is_no_verdict(
    log: Log, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(monkeypatch, Log(log.aws, signing_key(log.aws, "RSA_2048")))
    with pytest.raises(typer.Exit) as end:
        verify("prod", RETENTION_DAYS)
    shown = capsys.readouterr()
    assert (end.value.exit_code, shown.out) == (3, "")
    assert shown.err == (
        "The audit log could not be checked: TypeError: "
        "the key of the audit log is not one of an elliptic curve\n"
    )


def test_the_retention_is_by_default_that_of_a_deployment() -> None:
    default = inspect.signature(verify).parameters["retention_days"].default
    assert default == DeploymentSettings(stage="prod").audit_retention_days


def test_kms_is_given_what_is_signed_and_not_its_hash(log: Log) -> None:
    asked: dict[str, Any] = {}

    class Kms:
        def sign(self, **request: Any) -> Any:
            asked.update(request)
            return {"Signature": b"x"}

    signer: Any = Signer(Kms(), log.key)  # type: ignore[arg-type]
    block = log.block("events", 1)
    assert signer.signed(block).signature == "eA=="
    assert asked == {
        "KeyId": log.key,
        "Message": head_of(block).signed,
        "MessageType": "RAW",
        "SigningAlgorithm": "ECDSA_SHA_256",
    }


def test_a_chain_whose_blocks_were_removed_continues_behind_its_head(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    last = log.block("events", 1)
    log.remove("events", 1)
    log.append("events", "e")
    assert log.block("events", 2).previous == last.hash
    assert said(capsys, 1) == ["events 1: the block is missing"]
