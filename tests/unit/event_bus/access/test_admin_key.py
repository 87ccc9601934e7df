"""The admin key is read from its secret, at most twice a minute."""

import boto3
import pytest
from event_bus.access.admin_key import CACHE_SECONDS, AdminKey, current_id, is_admin_key
from moto import mock_aws

from tests.clock import Clock


@mock_aws
def test_a_new_value_counts_after_half_a_minute() -> None:
    client = boto3.client("secretsmanager", region_name="us-east-1")
    client.create_secret(Name="admin", SecretString="first")
    clock = Clock()
    key = AdminKey(client, "admin", clock)
    assert key.read().value == "first"
    client.put_secret_value(SecretId="admin", SecretString="second")
    clock.now += CACHE_SECONDS - 0.1
    assert key.read().value == "first"
    clock.now += 0.1
    assert key.read().value == "second"


@mock_aws
def test_a_value_is_known_by_its_version_without_being_read() -> None:
    client = boto3.client("secretsmanager", region_name="us-east-1")
    client.create_secret(Name="admin", SecretString="first")
    first = AdminKey(client, "admin", Clock()).read()
    assert is_admin_key(first.id)
    assert current_id(client, "admin") == first.id
    client.put_secret_value(SecretId="admin", SecretString="second")
    second = AdminKey(client, "admin", Clock()).read()
    assert current_id(client, "admin") == second.id != first.id
    assert "second" not in second.id


@mock_aws
def test_without_the_secret_there_is_no_key() -> None:
    client = boto3.client("secretsmanager", region_name="us-east-1")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        AdminKey(client, "admin", Clock()).read()
