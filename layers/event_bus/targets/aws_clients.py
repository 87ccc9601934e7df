"""Clients of the AWS services that targets belong to."""

from dataclasses import dataclass, field
from typing import Any, cast

import boto3
from botocore.config import Config

from event_bus import clients, times
from event_bus.access.external_ids import external_id_of
from event_bus.targets.aws_target import AwsTarget
from event_bus.targets.transport import DeliveryRequest

_CONNECT_SECONDS = 5.0
_MARGIN_SECONDS = 300.0


@dataclass(slots=True)
class TargetClients:
    """Clients of one AWS service, for the bus's own role or one that a target names.

    They do not retry: the retry policy of the subscription does.

    Attributes:
        service: The service, as boto3 names it.
    """

    service: str
    _clients: dict[tuple[str | None, str | None, float], tuple[Any, float]] = field(
        default_factory=dict
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
        known = self._clients.get(key)
        if known and times.unix() < known[1]:
            return known[0]
        credentials, until = _assumed(role_arn, external) if role_arn else ({}, float("inf"))
        client = boto3.client(
            self.service,  # type: ignore[call-overload]
            config=Config(
                retries={"total_max_attempts": 1},
                connect_timeout=min(_CONNECT_SECONDS, seconds),
                read_timeout=seconds,
                max_pool_connections=10,
            ),
            **credentials,
        )
        self._clients[key] = (clients.without_retries(client), until)
        return client


def _assumed(role_arn: str, external: str) -> tuple[dict[str, str], float]:
    answer = boto3.client("sts").assume_role(
        RoleArn=role_arn, RoleSessionName="event-bus", ExternalId=external
    )["Credentials"]
    credentials = {
        "aws_access_key_id": answer["AccessKeyId"],
        "aws_secret_access_key": answer["SecretAccessKey"],
        "aws_session_token": answer["SessionToken"],
    }
    return credentials, answer["Expiration"].timestamp() - _MARGIN_SECONDS
