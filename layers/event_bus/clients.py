"""The AWS clients of a function, each made once in a process."""

from functools import cache
from typing import TYPE_CHECKING

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
)


@cache
def dynamodb() -> "DynamoDBClient":
    """The client of the tables."""
    return boto3.client("dynamodb", config=_CONFIG)


@cache
def s3() -> "S3Client":
    """The client of the buckets."""
    return boto3.client("s3", config=_CONFIG)


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
    """The client of the keys of KMS."""
    return boto3.client("kms", config=_CONFIG)


@cache
def connections(endpoint: str) -> "ApiGatewayManagementApiClient":
    """The client of the connections of a WebSocket API.

    Args:
        endpoint: The URL of its stage.
    """
    # One client that does not take what it is sent must not hold up the others for long.
    config = _CONFIG.merge(Config(retries={"total_max_attempts": 2}, read_timeout=4))
    return boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=config)
