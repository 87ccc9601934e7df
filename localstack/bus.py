"""A bus on the emulator, and the addresses of all its parts."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3

from localstack.emulator import CREDENTIALS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True)
class LocalBus:
    """A deployed bus.

    Attributes:
        api_url: The root of its API.
        websocket_url: The URL for WebSocket clients.
        admin_api_key: The first admin key.
        endpoint_url: The emulator's URL for AWS clients.
        region: The emulator's region, for AWS clients.
        pid: The emulator's process.
        resources: The outputs of the stacks, such as `events_table` or `http_lane_url`.
    """

    api_url: str
    websocket_url: str
    admin_api_key: str
    endpoint_url: str
    region: str
    pid: int
    resources: dict[str, str]

    @classmethod
    def read(cls, file: Path) -> "LocalBus":
        """Reads a file of `write`.

        Args:
            file: The file.
        """
        return cls(**json.loads(file.read_text()))

    def write(self, file: Path) -> None:
        """Writes the addresses for other programs; the file contains the admin key.

        Args:
            file: The file.
        """
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(self), indent=2) + "\n")

    def client(self, service: str) -> Any:
        """Returns a client of one of the emulator's services.

        Args:
            service: The service, as boto3 names it.
        """
        return self._session.client(service, endpoint_url=self.endpoint_url)

    @cached_property
    def _session(self) -> Any:
        # One session for all clients, since each session reads the descriptions of AWS's services.
        return boto3.Session(
            CREDENTIALS["AWS_ACCESS_KEY_ID"],
            CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=self.region,
        )

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """A client of the tables."""
        return cast("DynamoDBClient", self.client("dynamodb"))

    @cached_property
    def s3(self) -> "S3Client":
        """A client of the buckets."""
        return cast("S3Client", self.client("s3"))

    @cached_property
    def sqs(self) -> "SQSClient":
        """A client of the queues."""
        return cast("SQSClient", self.client("sqs"))
