"""The AWS clients of a function, each made once in a process."""

import threading
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 4},
    connect_timeout=2,
    read_timeout=8,
    max_pool_connections=32,
    tcp_keepalive=True,
    # Validation takes a seventh of the processor time of a call, and mypy checks the types.
    parameter_validation=False,
    # The caller's name for CloudTrail; boto3's default is longer, and is built for each call.
    user_agent=f"event-bus boto3/{boto3.__version__}",
)


_MAKING = threading.Lock()


class _Later:
    """A client that is created at its first use, because creating one slows a cold start."""

    def __init__(self, service: str, config: Config = _CONFIG) -> None:
        self._service = service
        self._config = config
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        # A session makes one client at a time
        # (https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html).
        with _MAKING:
            if self._made is None:
                self._made = boto3.client(self._service, config=self._config)  # type: ignore[call-overload]
        return getattr(self._made, name)


@cache
def dynamodb() -> "DynamoDBClient":
    """The client of the tables."""
    return boto3.client("dynamodb", config=_CONFIG)


@cache
def s3() -> "S3Client":
    """The client of the buckets; few calls need it."""
    return cast("S3Client", _Later("s3"))


@cache
def sqs() -> "SQSClient":
    """The client of the queues."""
    return boto3.client("sqs", config=_CONFIG)


@cache
def secrets() -> "SecretsManagerClient":
    """The client of the secrets."""
    return boto3.client("secretsmanager", config=_CONFIG)


@cache
def kms() -> "KMSClient":
    """The client of the keys of KMS; few calls need it."""
    return cast("KMSClient", _Later("kms"))


@cache
def cloudwatch() -> Any:
    """The client of CloudWatch: it gives up soon, because no answer depends on it alone."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=2)
    return _Later("cloudwatch", config)


@cache
def of_service(name: str) -> Any:
    """The client of a service that few calls need.

    Args:
        name: The service, as boto3 names it.
    """
    return _Later(name)


@cache
def functions(seconds: float) -> Any:
    """Returns a Lambda client that invokes functions of the bus and never retries a call.

    Args:
        seconds: The read timeout of a call, in seconds.
    """
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=seconds)
    return _Later("lambda", config)


@cache
def connections(endpoint: str) -> "ApiGatewayManagementApiClient":
    """The client of the connections of a WebSocket API.

    Args:
        endpoint: The URL of its stage.
    """
    # One client that does not read its messages must not block the others for long.
    config = _CONFIG.merge(Config(retries={"total_max_attempts": 2}, read_timeout=4))
    return boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=config)
