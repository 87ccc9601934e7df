"""AWS as moto mocks it, empty for each test."""

import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import botocore_stubber

from tests.aws import AGAIN, ONCE, Aws
from tests.sent_messages import RecordingSqs
from tests.tables import MadeTables


def _client(service: str, config: Config) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )


@pytest.fixture(scope="session")
def clients() -> dict[str, Any]:
    """The clients that all tests share: to make one takes longer than most tests."""
    return {
        "dynamodb": _client("dynamodb", ONCE),
        "retrying": _client("dynamodb", AGAIN),
        "s3": _client("s3", ONCE),
        "sqs": _client("sqs", ONCE),
        "kms": _client("kms", ONCE),
    }


@pytest.fixture(scope="session")
def one_request_at_a_time() -> Iterator[None]:
    """Keeps moto, which knows of no threads, from mixing two requests."""
    lock = threading.Lock()
    process = BotocoreStubber.process_request

    def locked(stubber: BotocoreStubber, request: AWSPreparedRequest) -> Any:
        with lock:
            return process(stubber, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "process_request", locked)
        yield


@pytest.fixture
def moto_aws(clients: dict[str, Any], one_request_at_a_time: None) -> Iterator[Aws]:
    """Empty tables, an empty bucket, no queues."""
    with mock_aws():
        made = Aws(
            **clients | {"sqs": RecordingSqs(clients["sqs"])},
            tables=MadeTables(clients["dynamodb"]),
            bucket="payloads",
            carry_out=botocore_stubber.process_request,
        )
        made.s3.create_bucket(Bucket=made.bucket)
        yield made
