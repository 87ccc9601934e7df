"""Verifies the audit log of a deployment: `python -m event_bus.audit --stage prod`."""

from collections.abc import Iterator
from typing import Annotated

import boto3
import typer

from event_bus import times
from event_bus.audit.signer import SignatureCheck
from event_bus.audit.verifier import Verifier
from event_bus.model.audit_chain import CHAINS
from event_bus.stores.audit import AuditStore
from event_bus.stores.audit_heads import AuditHeads
from event_bus.stores.table import Table

_DAY_SECONDS = 86_400
_CHANGED, _NOT_CHECKED = 1, 3


def verify(
    stage: Annotated[str, typer.Option(help="The stage of the deployment.")],
    retention_days: Annotated[
        int, typer.Option(help="Days that the log is kept; older entries may be gone.", min=1)
    ] = 365,
) -> None:
    """Report changes of the audit log that its writer did not make.

    It reads the table and the bucket of the log, and the public key of its signatures.

    It exits with 0 if nobody has changed the log, 1 if somebody has, 2 if its options are wrong,
    and 3 if it could not read the log to the end.
    """
    try:
        faults = list(_faults(stage, retention_days))
    except Exception as error:
        said = f"The audit log could not be checked: {type(error).__name__}: {error}"
        typer.echo(said, err=True)
        raise typer.Exit(_NOT_CHECKED) from error
    for fault in faults:
        typer.echo(fault)
    if faults:
        raise typer.Exit(_CHANGED)
    typer.echo("The audit log is as it was written.")


def _faults(stage: str, retention_days: int) -> Iterator[str]:
    resources = _outputs(f"event-bus-{stage}-data") | _outputs(f"event-bus-{stage}-audit")
    blocks = AuditStore(Table(boto3.client("dynamodb"), resources["AuditTable"]))
    heads = AuditHeads(boto3.client("s3"), resources["AuditBucket"])
    public_key = boto3.client("kms").get_public_key(KeyId=resources["AuditKeyArn"])["PublicKey"]
    verifier = Verifier(
        genuine=SignatureCheck(public_key).genuine,
        kept_since=times.at(int(times.unix()) - retention_days * _DAY_SECONDS),
    )
    for chain in CHAINS:
        yield from verifier.faults(chain, blocks.forwards(chain), heads.of(chain))


def _outputs(stack: str) -> dict[str, str]:
    [found] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}


if __name__ == "__main__":
    typer.run(verify)
