"""The emulator as the stores see it: empty tables, a bucket, queues, apart from the bus's own."""

import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.httpsession import URLLib3Session

from localstack.bus import LocalBus
from tests.aws import AGAIN, ONCE, Aws
from tests.handlers import functions
from tests.tables import MadeTables
from tests.threads import executor

__all__ = ["executor", "functions"]


@pytest.fixture(scope="session")
def clients(bus: LocalBus) -> dict[str, Any]:
    """Clients that break as told, and so are not those of the deployed bus."""

    def client(service: str, config: Config) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            region_name=bus.region,
            endpoint_url=bus.endpoint_url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config.merge(Config(s3={"addressing_style": "path"})),
        )

    return {
        "dynamodb": client("dynamodb", ONCE),
        "retrying": client("dynamodb", AGAIN),
        "s3": client("s3", ONCE),
        "sqs": client("sqs", ONCE),
        "kms": client("kms", ONCE),
    }


@pytest.fixture
def aws(clients: dict[str, Any]) -> Iterator[Aws]:
    """Empty tables, an empty bucket, no queues: for one test, and removed behind it."""
    suffix = uuid4().hex[:8]
    made = Aws(
        **clients,
        tables=MadeTables(clients["dynamodb"], f"-{suffix}"),
        bucket=f"payloads-{suffix}",
        carry_out=URLLib3Session(verify=os.environ["AWS_CA_BUNDLE"]).send,  # type: ignore[arg-type]
    )
    made.s3.create_bucket(Bucket=made.bucket)
    yield made
    for name in made.tables.values():
        made.dynamodb.delete_table(TableName=name)
    for key in made.objects():
        made.s3.delete_object(Bucket=made.bucket, Key=key)
    made.s3.delete_bucket(Bucket=made.bucket)
    made.drop_queues()
