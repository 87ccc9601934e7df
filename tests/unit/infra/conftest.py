"""The synthesised app, once for each kind of target."""

import pytest

from tests.unit.infra.synthesised import Synthesised, synthesise

EVERYTHING = {
    "domain_name": "bus.example.com",
    "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/one",
    "truststore": "s3://authorities/clients.pem",
    "truststore_version": "7",
    "iam_callers": True,
    "cors_origins": "https://app.example.com,http://localhost:3000",
    "callback_networks": "10.1.0.0/16",
    "target_accounts": "210987654321",
    "untagged_targets": "arn:aws:sqs:*:*:old-*,arn:aws:events:eu-west-1:123456789012:event-bus/x",
    "tracing": True,
    "protect": True,
    "log_level": "ERROR",
    "subnet_ids": "subnet-0a1b2c3d,subnet-4e5f6a7b",
    "security_group_ids": "sg-0a1b2c3d",
    "dual_stack": True,
    "warm_writes": 8000,
    "websocket_access_log": True,
    "archive_after_days": 365,
}
"""What may be asked for, and mostly is not."""


@pytest.fixture(scope="session", params=["local", "prod"])
def app(request: pytest.FixtureRequest) -> Synthesised:
    """The app with its defaults, and the app for AWS with everything that may be asked for."""
    stage: str = request.param
    context = {} if stage == "local" else EVERYTHING
    return synthesise(stage, context)
