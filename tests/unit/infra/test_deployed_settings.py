"""The values of the settings reach the functions, and what AWS keeps or limits."""

import pytest

from tests.table_uses import LANES
from tests.unit.infra.synthesised import CONTEXTS, Synthesised

pytestmark = pytest.mark.parametrize("app", ["dev"], indirect=True)

TOLD = {
    "ARCHIVE_AFTER_DAYS": "archive_after_days",
    "AUDIT_RETENTION_DAYS": "audit_retention_days",
    "DEFAULT_RECEIVE": "default_receive",
    "KEY_RATE": "key_rate",
    "RETENTION_DAYS": "retention_days",
    "SERVICE_LISTENERS": "service_listeners",
    "SERVICE_SUBSCRIPTIONS": "service_subscriptions",
    "SUBSCRIPTION_METRICS": "subscription_metrics",
    "WAITING_REQUESTS": "waiting_requests",
}
"""The settings that functions are told, by their variables."""


def test_functions_are_told_the_values_of_the_settings(app: Synthesised) -> None:
    for variable, setting in TOLD.items():
        told = {
            str(variables[variable])
            for function in app.functions().values()
            if variable in (variables := function.properties["Environment"]["Variables"])
        }
        assert told == {CONTEXTS["dev"][setting]}, variable


def test_functions_know_their_stage_and_where_targets_may_be(app: Synthesised) -> None:
    for name, function in app.functions().items():
        variables = function.properties["Environment"]["Variables"]
        assert variables["STAGE"] == "dev", name
        # Looking for plugins reads the metadata of every installed package.
        assert variables["PYDANTIC_DISABLE_PLUGINS"] == "__all__", name
        here = {
            "TARGET_ACCOUNTS": {"Ref": "AWS::AccountId"},
            "PARTITION": {"Ref": "AWS::Partition"},
            "URL_SUFFIX": {"Ref": "AWS::URLSuffix"},
        }
        for variable in here.keys() & variables.keys():
            told = variables[variable]
            # Other accounts would follow.
            assert told in (here[variable], {"Fn::Join": ["", [here[variable]]]}), (name, variable)


def test_what_is_stored_is_kept_as_long_as_the_settings_say(app: Synthesised) -> None:
    for bucket in app.resources("AWS::S3::Bucket"):
        (rule,) = bucket.properties["LifecycleConfiguration"]["Rules"]
        assert rule["Status"] == "Enabled", bucket
        assert rule["ExpirationInDays"] == (366 if bucket.stack == "Audit" else 31), bucket
        if bucket.stack == "Audit":
            assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 366}
    for group in app.resources("AWS::Logs::LogGroup"):
        assert group.properties["RetentionInDays"] == 90, group


def test_the_apis_take_as_many_requests_as_the_settings_say(app: Synthesised) -> None:
    stages = app.resources("AWS::ApiGatewayV2::Stage")
    assert stages
    for stage in stages:
        assert stage.properties["DefaultRouteSettings"] == {
            "ThrottlingBurstLimit": 1100,
            "ThrottlingRateLimit": 2100,
        }, stage


def test_lanes_deliver_with_as_many_functions_as_the_settings_say(app: Synthesised) -> None:
    functions = {function.name: name for name, function in app.functions().items()}
    limits = {
        functions[mapping.properties["FunctionName"]["Ref"]]: mapping.properties["ScalingConfig"]
        for mapping in app.resources("AWS::Lambda::EventSourceMapping")
        if "ScalingConfig" in mapping.properties
    }
    asked = {
        **dict.fromkeys({*LANES, "enrich"}, 12),
        "deliver_http": 54,
        "deliver_http_paced": 56,
        "deliver_http_slow": 56,
    }
    assert {name: limits[name]["MaximumConcurrency"] for name in asked} == asked
    # One subscription may occupy half of a paced lane, all slow sources half of the other.
    shares = {
        name: variables["PACED_SHARE"]
        for name, function in app.functions().items()
        if "PACED_SHARE" in (variables := function.properties["Environment"]["Variables"])
    }
    assert shares == {
        "deliver_http_paced": "28",
        "deliver_http_slow": "28",
        "deliver_lambda_paced": "6",
        "deliver_lambda_slow": "6",
        "enrich": "6",
    }
