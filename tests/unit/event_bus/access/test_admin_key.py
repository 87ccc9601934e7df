"""The admin key is read from its secret, at most twice a minute."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from event_bus.access.admin_key import (
    AGAIN_AT_ONCE,
    AGAIN_SECONDS,
    CACHE_SECONDS,
    AdminKey,
    current_id,
    is_admin_key,
)
from event_bus.access.authenticator import Authenticator
from event_bus.access.stream_tokens import StreamTokens
from event_bus.model.api_keys import ApiKey, proof_of_chosen
from moto import mock_aws

from tests.aws import Aws
from tests.builders import NOON
from tests.clock import Clock


class Secrets:
    """A secret, and how often it was read."""

    def __init__(self, value: str) -> None:
        self.value, self.reads, self.fails = value, 0, False

    def get_secret_value(self, **_: Any) -> dict[str, str]:
        self.reads += 1
        if self.fails:
            raise EndpointConnectionError(endpoint_url="https://secrets.example")
        return {"SecretString": self.value, "VersionId": self.value}


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


def authenticator(aws: Aws, secrets: Any, clock: Clock) -> Authenticator:
    key = AdminKey(secrets, "admin", clock)
    return Authenticator(aws.keys, key.read, clock, admin_key_again=key.read_again)


def test_a_new_admin_key_works_at_once(aws: Aws) -> None:
    secrets = Secrets("first")
    one, other = authenticator(aws, secrets, Clock()), authenticator(aws, secrets, Clock())
    assert one.identify({"x-api-key": "first"})
    assert other.identify({"x-api-key": "first"})
    secrets.value = "second"
    found = one.identify({"x-api-key": "second"})
    assert found
    assert (found.role, found.key_id) == ("admin", "admin_second")
    # So does a token that was issued with it, in a process that knows the old key only.
    token, _ = StreamTokens(aws.keys).issue("admin", found)
    assert other.identify({}, {"token": token})
    # A process that has read the new admin key refuses the old one.
    assert one.identify({"x-api-key": "first"}) is None


def test_wrong_keys_cost_few_reads_of_the_admin_key(aws: Aws) -> None:
    secrets, clock = Secrets("first"), Clock()
    at = authenticator(aws, secrets, clock)
    for number in range(50):
        assert at.identify({"x-api-key": f"wrong-{number}"}) is None
    assert secrets.reads == 1 + AGAIN_AT_ONCE
    for number in range(100):
        clock.now += AGAIN_SECONDS / 10
        assert at.identify({"x-api-key": f"wrong-{number}"}) is None
    # One in ten seconds; each also saves the read after half a minute.
    assert secrets.reads <= 1 + AGAIN_AT_ONCE + 10


def test_a_key_of_a_service_costs_no_read_of_the_admin_key(aws: Aws) -> None:
    secrets, clock = Secrets("first"), Clock()
    at = authenticator(aws, secrets, clock)
    text = "a-key-of-a-service"
    proof = proof_of_chosen(text)
    aws.add_keys(ApiKey(proof.id, "planner", NOON, proof.hash))
    for _ in range(5):
        clock.now += 5
        found = at.identify({"x-api-key": text})
        assert found
        assert found.service_id == "planner"
    assert secrets.reads == 1


def test_a_wrong_key_is_refused_although_the_admin_key_cannot_be_read_again(aws: Aws) -> None:
    secrets = Secrets("first")
    at = authenticator(aws, secrets, Clock())
    assert at.identify({"x-api-key": "first"})
    secrets.fails = True
    assert at.identify({"x-api-key": "wrong"}) is None
    assert at.identify({"x-api-key": "first"})
