"""IAM enforces the roles of functions, and the policies of queues and buckets."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from localstack.bus import LocalBus
from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import World


@contextmanager
def deprived(bus: LocalBus, function: str, service: str) -> Iterator[None]:
    """A function whose role permits nothing with a service."""
    iam = bus.client("iam")
    roles = (
        each["RoleName"] for p in iam.get_paginator("list_roles").paginate() for each in p["Roles"]
    )
    role = next(each for each in roles if f"-api-{function}Role" in each)
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]

    def put(statements: list[Any]) -> None:
        document = json.dumps({**policy, "Statement": statements})
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)

    put([each for each in policy["Statement"] if f"{service}:" not in str(each["Action"])])
    try:
        yield
    finally:
        put(policy["Statement"])


def test_a_function_can_do_only_what_its_role_permits(world: World) -> None:
    assert world.admin.http.get("/events").status_code == 200
    with deprived(world.bus, "Events", "dynamodb"):
        eventually(lambda: world.admin.http.get("/events").status_code == 503)
        problem(world.admin.http.get("/events"), 503)
        assert world.admin.http.get("/subscriptions").status_code == 200
    eventually(lambda: world.admin.http.get("/events").status_code == 200)


def outsider(world: World, service: str, *, encrypted: bool) -> Any:
    """A client that IAM permits everything with a service."""
    iam, user = world.bus.client("iam"), world.name("outsider")
    iam.create_user(UserName=user)
    everything = {"Effect": "Allow", "Action": f"{service}:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": everything})
    iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    client = boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=world.bus.endpoint_url.replace("localhost", "127.0.0.1"),
        region_name=world.bus.region,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    if not encrypted:
        # The emulator accepts only TLS, so a header says that the request came by plain HTTP.
        client.meta.events.register(
            "before-send",
            lambda request, **_: request.headers.__setitem__("x-forwarded-proto", "http"),
        )
    return client


@pytest.mark.parametrize("resource", ["http_lane_url", "http_lane_redrive_url", "replay_queue_url"])
def test_queues_refuse_what_comes_by_plain_http(world: World, resource: str) -> None:
    asked = {"QueueUrl": world.bus.resources[resource], "AttributeNames": ["QueueArn"]}
    assert outsider(world, "sqs", encrypted=True).get_queue_attributes(**asked)
    with pytest.raises(ClientError, match="AccessDenied"):
        outsider(world, "sqs", encrypted=False).get_queue_attributes(**asked)


@pytest.mark.parametrize("resource", ["payloads_bucket", "failures_bucket"])
def test_buckets_refuse_what_comes_by_plain_http(world: World, resource: str) -> None:
    asked = {"Bucket": world.bus.resources[resource]}
    assert outsider(world, "s3", encrypted=True).list_objects_v2(**asked)
    with pytest.raises(ClientError, match="AccessDenied"):
        outsider(world, "s3", encrypted=False).list_objects_v2(**asked)


def test_a_managed_queue_refuses_what_comes_by_plain_http(world: World) -> None:
    made = world.service().subscribe({"type": "sqs", "managed": True}, "a.b")
    asked = {"QueueUrl": made["target"]["queue_url"], "AttributeNames": ["QueueArn"]}
    assert outsider(world, "sqs", encrypted=True).get_queue_attributes(**asked)
    with pytest.raises(ClientError, match="AccessDenied"):
        outsider(world, "sqs", encrypted=False).get_queue_attributes(**asked)
