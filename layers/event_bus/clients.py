"""The AWS clients of a function, each made once in a process."""

import random
import threading
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config

from event_bus import times

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


MAX_IDLE_SECONDS, MAX_AGE_SECONDS = 4.0, 60.0
"""How long the connections of a client that never retries may be idle, and how old they may be."""


class _KeptConnections:
    """Ends the connections of a client that were kept for too long, before its next call.

    Lambda ends idle connections of a function without notice, and a call over one of them fails
    (https://docs.aws.amazon.com/lambda/latest/dg/best-practices.html). A client with retries then
    makes the call again.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._since = self._used = times.steady()

    def begin(self, **_: Any) -> None:
        """Notes that a call begins."""
        with self._lock:
            now = times.steady()
            if now - self._used > MAX_IDLE_SECONDS or now - self._since > MAX_AGE_SECONDS:
                # Calls that are under way keep their connections until they end.
                self._client.close()
                self._since = now
            self._used = now

    def end(self, **_: Any) -> None:
        """Notes that a call ended."""
        with self._lock:
            self._used = times.steady()


def without_retries(client: Any) -> Any:
    """Prepares a client that never retries, and returns it: no call begins on a stale connection.

    Args:
        client: The client.
    """
    kept = _KeptConnections(client)
    client.meta.events.register("before-send", kept.begin)
    client.meta.events.register("response-received", kept.end)
    return client


_CONFLICT_TRIES, _CONFLICT_PAUSE_SECONDS = 5, 0.02


def _retry_after_conflict(attempts: int, response: Any, **_: Any) -> float | None:
    """Returns how long to wait before a write is repeated that met a transaction on its item.

    DynamoDB rejects a single write while a transaction writes the same item, and the SDK does not
    repeat the write
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling).

    Args:
        attempts: How often the request was made.
        response: The HTTP response and the parsed answer; None if the connection broke.

    Returns:
        The wait, in seconds; None if this is no such error, or was the last try.
    """
    code = response[1].get("Error", {}).get("Code") if response else None
    if code != "TransactionConflictException" or attempts >= _CONFLICT_TRIES:
        return None
    return random.uniform(0, _CONFLICT_PAUSE_SECONDS * 2**attempts)  # noqa: S311


MAKING = threading.Lock()
"""Held while a client is made: a session makes one at a time
(https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html)."""


class _Later:
    """A client that is created at its first use, because creating one slows a cold start."""

    def __init__(self, service: str, config: Config = _CONFIG, *, retries: bool = True) -> None:
        self._service = service
        self._config = config
        self._retries = retries
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        with MAKING:
            if self._made is None:
                made = boto3.client(self._service, config=self._config)  # type: ignore[call-overload]
                self._made = made if self._retries else without_retries(made)
        return getattr(self._made, name)


@cache
def dynamodb() -> "DynamoDBClient":
    """Returns the client of the tables."""
    client = boto3.client("dynamodb", config=_CONFIG)
    # The types of botocore know no hooks that return something.
    hook: Any = _retry_after_conflict
    client.meta.events.register("needs-retry.dynamodb", hook)
    return client


@cache
def s3() -> "S3Client":
    """Returns the client of the buckets; few calls need it."""
    return cast("S3Client", _Later("s3"))


@cache
def sqs() -> "SQSClient":
    """Returns the client of the queues."""
    return boto3.client("sqs", config=_CONFIG)


@cache
def secrets() -> "SecretsManagerClient":
    """Returns the client of the secrets."""
    return boto3.client("secretsmanager", config=_CONFIG)


@cache
def kms() -> "KMSClient":
    """Returns the client of the keys of KMS; few calls need it."""
    return cast("KMSClient", _Later("kms"))


@cache
def cloudwatch() -> Any:
    """Returns the client of CloudWatch: it gives up soon, because no answer depends on it alone."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=2)
    return _Later("cloudwatch", config, retries=False)


@cache
def of_service(name: str) -> Any:
    """Returns the client of a service that few calls need.

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
    return _Later("lambda", config, retries=False)


@cache
def connections(endpoint: str) -> "ApiGatewayManagementApiClient":
    """Returns the client of the connections of a WebSocket API.

    Args:
        endpoint: The URL of its stage.
    """
    # One client that does not read its messages must not block the others for long.
    config = _CONFIG.merge(Config(retries={"total_max_attempts": 2}, read_timeout=4))
    return boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=config)
