"""AWS services as moto mocks them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from event_bus.targets.aws_clients import TargetClients
from event_bus.targets.transport import DeliveryRequest
from moto import mock_aws

REGION, ACCOUNT, OTHER_ACCOUNT = "eu-central-1", "123456789012", "210987654321"

Services = Callable[[str], Any]


@pytest.fixture
def services(tell: Callable[..., None]) -> Iterator[Services]:
    """Makes clients of services that moto mocks, in the account of the bus."""
    tell(
        STAGE="prod",
        AWS_REGION=REGION,
        PARTITION="aws",
        URL_SUFFIX="amazonaws.com",
        TARGET_ACCOUNTS=f"{ACCOUNT},{OTHER_ACCOUNT}",
    )
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield lambda name: boto3.client(name, region_name=REGION)  # type: ignore[call-overload]


@dataclass
class RecordingClients(TargetClients):
    """The same client for every target; it keeps what it is asked."""

    client: Any = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def of(self, _: DeliveryRequest) -> Any:
        return self

    def __getattr__(self, operation: str) -> Any:
        def ask(**request: Any) -> Any:
            self.asked.append(request)
            return getattr(self.client, operation)(**request)

        return ask
