"""Clients of the AWS services that targets belong to."""

import math
from dataclasses import dataclass, field
from typing import Any, cast

import boto3
from botocore.config import Config

from event_bus import clients, times
from event_bus.access.external_ids import external_id_of
from event_bus.cache import Cache
from event_bus.targets.aws_target import AwsTarget
from event_bus.targets.transport import DeliveryRequest

_CONNECT_SECONDS = 5.0
_MARGIN_SECONDS = 300.0

MOST_CLIENTS = 100
"""The most clients in the cache: each takes some memory, and services choose how many differ."""


@dataclass(slots=True)
class TargetClients:
    """Clients of one AWS service, for the bus's own role or one that a target names.

    They do not retry: the retry policy of the subscription does.

    Attributes:
        service: The service, as boto3 names it.
    """

    service: str
    _clients: Cache[tuple[str | None, str | None, float], Any] = field(
        default_factory=lambda: Cache(math.inf, MOST_CLIENTS, times.unix)
    )

    def of(self, request: DeliveryRequest) -> Any:
        """Returns the client for a delivery request's target, with its subscription's timeout.

        Raises:
            ClientError: The target's role cannot be assumed.
        """
        subscription = request.subscription
        # The lanes with such clients carry only AWS targets.
        target = cast("AwsTarget", subscription.target)
        external = external_id_of(target.external_id, subscription.service_id)
        return self.by_role(target.role_arn, external, subscription.retry_policy.timeout)

    def by_role(self, role_arn: str | None, external: str, seconds: float) -> Any:
        """Returns the client that acts by a role.

        Args:
            role_arn: The role; None for the function's own.
            external: The external id with which the role is assumed.
            seconds: How long an answer may take.

        Raises:
            ClientError: The role cannot be assumed.
        """
        key = (role_arn, external if role_arn else None, seconds)
        if known := self._clients.get(key):
            return known
        config = Config(
            retries={"total_max_attempts": 1},
            connect_timeout=min(_CONNECT_SECONDS, seconds),
            read_timeout=seconds,
            max_pool_connections=10,
        )
        credentials, left = _assumed(role_arn, external, config) if role_arn else ({}, math.inf)
        with clients.MAKING:
            made = boto3.client(self.service, config=config, **credentials)  # type: ignore[call-overload]
        client = clients.without_retries(made)
        self._clients.put(key, client, left)
        return client


def _assumed(role_arn: str, external: str, config: Config) -> tuple[dict[str, str], float]:
    """Returns the credentials of a role, and for how many seconds they are used."""
    with clients.MAKING:
        sts = boto3.client("sts", config=config)
    answer = sts.assume_role(RoleArn=role_arn, RoleSessionName="event-bus", ExternalId=external)
    credentials = answer["Credentials"]
    members = {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }
    return members, credentials["Expiration"].timestamp() - _MARGIN_SECONDS - times.unix()
