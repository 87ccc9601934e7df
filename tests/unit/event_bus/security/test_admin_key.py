"""The admin key is read from its secret, at most once a minute."""

import boto3
import pytest
from event_bus.security.admin_key import CACHE_SECONDS, AdminKey
from moto import mock_aws

from tests.clock import Clock


@mock_aws
def test_a_new_value_counts_after_a_minute() -> None:
    client = boto3.client("secretsmanager", region_name="us-east-1")
    client.create_secret(Name="admin", SecretString="first")
    clock = Clock()
    key = AdminKey(client, "admin", clock)
    assert key.read() == "first"
    client.put_secret_value(SecretId="admin", SecretString="second")
    clock.now += CACHE_SECONDS - 0.1
    assert key.read() == "first"
    clock.now += 0.1
    assert key.read() == "second"


@mock_aws
def test_without_the_secret_there_is_no_key() -> None:
    client = boto3.client("secretsmanager", region_name="us-east-1")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        AdminKey(client, "admin", Clock()).read()
