"""Settings come from the context; what is unknown or out of range is refused by name."""

import pytest
from event_bus.targets.registry import TARGETS

from infra.settings import DeploymentSettings, SettingsError


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
        ({"stage": "fifteen-letters"}, "at most 14 characters: CloudFormation would cut"),
        ({"log_level": "CHATTY"}, "log_level"),
        ({"log_retention_days": "8"}, "log_retention_days"),
        ({"http_lane_concurrency": "1"}, "http_lane_concurrency"),
        ({"throttling_rate": "-5"}, "throttling_rate"),
        ({"callback_networks": "10.0.0.1/8"}, "callback_networks"),
        ({"cors_origins": "https://app.example.com/"}, "cors_origins"),
        ({"cors_origins": "https://*.example.com"}, "cors_origins"),
        ({"cors_origins": "*"}, "cors_origins"),
        ({"domain_name": "bus.example.com"}, "domain_name and certificate_arn"),
        ({"truststore": "s3://bucket/key"}, "a truststore needs"),
        ({"truststore": "https://bucket/key"}, "truststore"),
        ({"truststore_version": "1"}, "a truststore_version needs"),
        ({"subnet_ids": "subnet-0a1b2c3d"}, "subnet_ids and security_group_ids need"),
        ({"subnet_ids": "10.0.0.0/24", "security_group_ids": "sg-0a1b2c3d"}, "subnet_ids"),
        ({"dual_stack": "true"}, "dual_stack needs subnet_ids"),
        ({"warm_writes": "3999"}, "warm_writes"),
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


def test_each_kind_of_target_may_go_without_the_tag() -> None:
    for each in TARGETS.services:
        assert DeploymentSettings.of({"untagged_targets": f"arn:aws:{each}:*:*:old-*"}).untagged


def test_targets_differ_by_stage_alone() -> None:
    assert DeploymentSettings.of({"stage": "local"}).target.lambda_runtime is False
    assert DeploymentSettings.of({"stage": "prod"}).target.lambda_runtime is True
