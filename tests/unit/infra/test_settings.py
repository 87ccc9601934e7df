"""Settings come from the context; what is unknown or out of range is refused by name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from event_bus.requests.credentials import MAX_RATE
from event_bus.targets.registry import TARGETS

from infra.built import ROOT
from infra.setting_types import MAX_STAGE_LENGTH
from infra.settings import DeploymentSettings, SettingsError

NAMED = re.compile(r"deployment's setting (\w+)")


def texts(file: Path) -> Iterator[str]:
    """The texts of a module, without what f-strings insert."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = (each.value if isinstance(each, ast.Constant) else "0" for each in node.values)
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_a_refusal_names_the_setting_that_it_depends_on() -> None:
    """Whoever is refused can ask the operator for it."""
    modules = (ROOT / "layers" / "event_bus").rglob("*.py")
    named = {each for file in modules for text in texts(file) for each in NAMED.findall(text)}
    assert named == {
        "callback_networks",
        "dual_stack",
        "key_rate",
        "service_listeners",
        "service_subscriptions",
        "target_accounts",
        "untagged_targets",
        "waiting_requests",
    }
    assert named <= set(DeploymentSettings.model_fields)


def test_defaults_stand_for_what_is_left_out() -> None:
    settings = DeploymentSettings.of({})
    assert settings.stage == "dev"
    assert settings.retention_days == 30
    assert not settings.local


def test_values_are_read_from_text_as_the_command_line_gives_them() -> None:
    settings = DeploymentSettings.of(
        {"stage": "prod", "retention_days": "90", "log_retention_days": "7"}
    )
    assert settings.retention_days == 90
    assert settings.log_retention_days == 7


def test_context_values_of_the_cdk_are_ignored() -> None:
    context = {"@aws-cdk/core:checkSecretUsage": True, "aws:cdk:bundling-stacks": ["**"]}
    assert DeploymentSettings.of(context) == DeploymentSettings()


def ids(kind: str, count: int) -> str:
    return ",".join(f"{kind}-{each:08x}" for each in range(count))


@pytest.mark.parametrize(
    ("context", "named"),
    [
        ({"retention_day": "9"}, "retention_day"),
        ({"Stage": "prod"}, "Stage"),
        ({"stage2": "prod"}, "stage2"),
        ({"retention_days": "0"}, "retention_days"),
        ({"retention_days": "soon"}, "retention_days"),
        ({"archive_after_days": "-1"}, "archive_after_days"),
        ({"archive_after_days": "3651"}, "archive_after_days"),
        ({"stage": "Prod!"}, "stage"),
        ({"stage": "prod-"}, "stage"),
        ({"stage": "-prod"}, "stage"),
        ({"stage": "1prod"}, "stage"),
        ({"stage": "pro_d"}, "stage"),
        ({"stage": ""}, "stage"),
        ({"stage": "fifteen-letters"}, "at most 14 characters: CloudFormation would cut"),
        ({"log_level": "CHATTY"}, "log_level"),
        ({"log_retention_days": "8"}, "log_retention_days"),
        ({"http_lane_concurrency": "1"}, "http_lane_concurrency"),
        ({"throttling_rate": "-5"}, "throttling_rate"),
        ({"callback_networks": "10.0.0.1/8"}, "callback_networks"),
        ({"callback_networks": "10.1.0.0/16,somewhere"}, "callback_networks"),
        ({"target_accounts": "12345678901"}, "target_accounts"),
        ({"target_accounts": "123456789012,"}, "target_accounts"),
        ({"target_accounts": "123456789012 210987654321"}, "target_accounts"),
        ({"cors_origins": "https://app.example.com/"}, "cors_origins"),
        ({"cors_origins": "app.example.com"}, "cors_origins"),
        ({"cors_origins": "https://app.example.com:port"}, "cors_origins"),
        ({"cors_origins": "https://App.example.com"}, "cors_origins"),
        ({"cors_origins": "https://a.example.com,ftp://b.example.com"}, "cors_origins: .*ftp"),
        ({"cors_origins": "https://*.example.com"}, "cors_origins"),
        ({"cors_origins": "*"}, "cors_origins"),
        ({"domain_name": "bus.example.com"}, "domain_name and certificate_arn"),
        ({"truststore": "s3://bucket/key"}, "a truststore needs"),
        ({"truststore": "https://bucket/key"}, "truststore"),
        ({"truststore_version": "1"}, "a truststore_version needs"),
        ({"subnet_ids": "subnet-0a1b2c3d"}, "subnet_ids and security_group_ids need"),
        ({"subnet_ids": "10.0.0.0/24", "security_group_ids": "sg-0a1b2c3d"}, "subnet_ids"),
        (
            {"subnet_ids": "subnet-0a1b2c3d", "security_group_ids": "subnet-0a1b2c3d"},
            "security_group_ids",
        ),
        (
            {"subnet_ids": "subnet-0a1b2c3", "security_group_ids": "sg-0a1b2c3d"},
            "subnet_ids: .*'subnet-0a1b2c3' must be subnet- and 8 to 17 of the digits",
        ),
        (
            {"subnet_ids": "subnet-0a1b2c3d,", "security_group_ids": "sg-0a1b2c3d"},
            "subnet_ids: .*'' must be",
        ),
        (
            {"subnet_ids": ids("subnet", 17), "security_group_ids": ids("sg", 5)},
            "subnet_ids: .*17 are too many: a function may have 16",
        ),
        (
            {"subnet_ids": ids("subnet", 16), "security_group_ids": ids("sg", 6)},
            "security_group_ids: .*6 are too many: a function may have 5",
        ),
        ({"dual_stack": "true"}, "dual_stack needs subnet_ids"),
        ({"certificate_arn": "arn:aws:acm:us-east-1:1:certificate/one"}, "certificate_arn"),
        ({"domain_name": "localhost"}, "domain_name"),
        ({"default_receive": "something"}, "default_receive"),
        ({"protect": "perhaps"}, "protect"),
        ({"warm_writes": "3999"}, "warm_writes: .*from 4000, .*to 1000000"),
        ({"warm_writes": "1000001"}, "warm_writes"),
        ({"warm_writes": "-4000"}, "warm_writes"),
        ({"untagged_targets": "*"}, "untagged_targets"),
        ({"untagged_targets": "arn:aws:s3:::bucket"}, "untagged_targets"),
        (
            {"untagged_targets": "arn:aws:s3:*:*:a"},
            "must be an ARN of sqs, sns, lambda, events, states",
        ),
        ({"untagged_targets": "arn:aws:sqs:*:orders"}, "untagged_targets"),
        ({"untagged_targets": "arn:aws:sqs:*:*:a,,arn:aws:sqs:*:*:b"}, "untagged_targets"),
    ],
)
def test_an_invalid_setting_is_refused_by_name(context: dict[str, object], named: str) -> None:
    with pytest.raises(SettingsError, match=rf"{named}.*The settings are: stage, "):
        DeploymentSettings.of(context)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("retention_days", 1, 3650),
        ("archive_after_days", 0, 3650),
        ("audit_retention_days", 1, 3650),
        ("throttling_rate", 1, 100_000),
        ("throttling_burst", 1, 50_000),
        ("key_rate", 1, MAX_RATE),
        # What an event source of a queue may ask for
        # (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html).
        ("http_lane_concurrency", 2, 1000),
        ("paced_lane_concurrency", 2, 1000),
        ("aws_lane_concurrency", 2, 1000),
        ("inbox_concurrency", 2, 1000),
        ("waiting_requests", 1, 10_000),
        ("service_subscriptions", 1, 10_000),
        ("service_listeners", 1, 10_000),
        ("subscription_metrics", 0, 1000),
    ],
)
def test_a_number_has_a_least_and_a_most_value(name: str, least: int, most: int) -> None:
    for value in (least, most):
        assert getattr(DeploymentSettings.of({name: str(value)}), name) == value
    for value in (least - 1, most + 1):
        with pytest.raises(SettingsError, match=name):
            DeploymentSettings.of({name: str(value)})


@pytest.mark.parametrize(
    "context",
    [
        {"stage": "s" * MAX_STAGE_LENGTH},
        {"stage": "s"},
        {"stage": "prod-eu-2"},
        # A new table takes 4,000 writes a second.
        {"warm_writes": "0"},
        {"warm_writes": "4000"},
        {"warm_writes": "1000000"},
        {"callback_networks": "10.1.0.0/16,fd00::/8"},
        {"cors_origins": "https://app.example.com,http://localhost:3000"},
        {"target_accounts": "123456789012,210987654321"},
        {"subnet_ids": "subnet-0a1b2c3d4e5f60718", "security_group_ids": "sg-0a1b2c3d,sg-4e5f6a7b"},
        {"subnet_ids": ids("subnet", 16), "security_group_ids": ids("sg", 5)},
        {
            "domain_name": "bus.example.com",
            "certificate_arn": "arn:aws-cn:acm:cn-north-1:123456789012:certificate/one",
            "truststore": "s3://authorities/clients.pem",
            "truststore_version": "7",
        },
    ],
)
def test_what_aws_takes_is_a_setting(context: dict[str, object]) -> None:
    assert DeploymentSettings.of(context)


def test_a_list_is_separated_by_commas_and_may_be_empty() -> None:
    ids = {"subnet_ids": "subnet-0a1b2c3d,subnet-4e5f6a7b", "security_group_ids": "sg-0a1b2c3d"}
    settings = DeploymentSettings.of(ids)
    assert settings.subnets == ["subnet-0a1b2c3d", "subnet-4e5f6a7b"]
    assert settings.security_groups == ["sg-0a1b2c3d"]
    assert settings.accounts == settings.origins == settings.untagged == []


def test_stacks_are_named_after_their_stage() -> None:
    assert DeploymentSettings(stage="prod").stack_name("Data") == "event-bus-prod-data"


def test_each_kind_of_target_may_go_without_the_tag() -> None:
    for each in TARGETS.services:
        assert DeploymentSettings.of({"untagged_targets": f"arn:aws:{each}:*:*:old-*"}).untagged


def test_targets_differ_by_stage_alone() -> None:
    assert DeploymentSettings.of({"stage": "local"}).target.lambda_runtime is False
    assert DeploymentSettings.of({"stage": "prod"}).target.lambda_runtime is True
