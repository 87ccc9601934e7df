"""A registry of subscriptions over stores that are empty."""

import pytest
from event_bus.registry.subscriptions import SubscriptionRegistry

from tests.aws import Aws
from tests.unit.event_bus.registry.subscribing import registry_over


@pytest.fixture
def registry(aws: Aws) -> SubscriptionRegistry:
    return registry_over(aws, aws.subscriptions)
