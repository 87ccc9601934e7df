"""What AWS refuses for its size or number stays well within what AWS takes.

The quotas are those that no account can have raised, or that a new one begins with.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from infra.built import ROOT
from infra.setting_types import MAX_STAGE_LENGTH
from tests.unit.infra.synthesised import Synthesised

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_TEMPLATE_BYTES = 1_000_000
MAX_RESOURCES, MAX_OUTPUTS = 500, 200
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_INLINE_POLICIES = 10_240
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_ENVIRONMENT_BYTES = 4 * 1024
# The names of the queue and the redrive queue of one more lane, with the bus's names for them.
ONE_LANE_BYTES = 210
MAX_FUNCTION_POLICY_BYTES = 20 * 1024
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
MAX_ROUTES = 300
MAX_ACCESS_LOG_BYTES = 3 * 1024

REGION, ACCOUNT = "ap-southeast-1", "123456789012"
# How long the names are at most that CloudFormation makes for queues, and for all else here.
QUEUE_NAME, OTHER_NAME = "q" * 80, "n" * 64


def written(value: Any) -> Any:
    """A value of a template as AWS would see it in the worst case: with the longest names."""
    if isinstance(value, list):
        return [written(each) for each in value]
    if not isinstance(value, dict):
        return value
    [first, *others] = value
    if not others and first in INTRINSICS:
        return INTRINSICS[first](value[first])
    return {name: written(each) for name, each in value.items()}


def _imported(name: str) -> str:
    match = re.search(
        r"ExportsOutput(Ref|FnGetAtt)(\w+?)(Arn|QueueName|Id|StreamArn)?[0-9A-F]{8}$", name
    )
    assert match, name
    kind, resource, attribute = match.groups()
    return _reference(resource) if kind == "Ref" else _attribute(resource, attribute)


def _reference(name: str) -> str:
    known = {
        "AWS::Region": REGION,
        "AWS::AccountId": ACCOUNT,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
    }
    if name in known:
        return known[name]
    if "Queue" in name or "Lane" in name:
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{QUEUE_NAME}"
    return OTHER_NAME


def _attribute(name: str, attribute: str) -> str:
    if not attribute.endswith("Arn"):
        return QUEUE_NAME
    made = QUEUE_NAME if "Queue" in name or "Lane" in name else OTHER_NAME
    stream = "/stream/2026-01-01T00:00:00.000" if attribute == "StreamArn" else ""
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{made}{stream}"


INTRINSICS: dict[str, Callable[[Any], str]] = {
    "Fn::Join": lambda given: given[0].join(str(written(each)) for each in given[1]),
    "Fn::GetAtt": lambda given: _attribute(*given),
    "Fn::ImportValue": lambda given: _imported(str(given)),
    "Ref": _reference,
}


def test_stacks_are_within_what_cloudformation_takes(app: Synthesised) -> None:
    for file in app.files:
        assert file.stat().st_size < MAX_TEMPLATE_BYTES * 0.8, file.name
    for name, template in app.templates.items():
        assert len(template["Resources"]) < MAX_RESOURCES * 0.8, name
        assert len(template.get("Outputs", {})) < MAX_OUTPUTS * 0.8, name


def test_the_policies_of_a_role_are_within_what_iam_takes(app: Synthesised) -> None:
    sizes: Counter[tuple[str, str]] = Counter()
    for policy in app.resources("AWS::IAM::Policy"):
        document = json.dumps(written(policy.properties["PolicyDocument"]), separators=(",", ":"))
        for role in policy.properties["Roles"]:
            sizes[policy.stack, role["Ref"]] += len(document)
    assert sizes
    for owner, size in sizes.items():
        assert size < MAX_INLINE_POLICIES, owner


def test_environments_are_within_what_lambda_takes(app: Synthesised) -> None:
    for name, function in app.functions().items():
        variables = written(function.properties["Environment"]["Variables"])
        size = sum(len(key) + len(str(value)) for key, value in variables.items())
        room = ONE_LANE_BYTES if name == "metrics" else 0
        assert size + room < MAX_ENVIRONMENT_BYTES, (name, size)


def test_the_permissions_of_a_function_are_within_what_lambda_takes(app: Synthesised) -> None:
    sizes: Counter[tuple[str, str]] = Counter()
    for permission in app.resources("AWS::Lambda::Permission"):
        # Lambda writes a statement of each, with some 150 characters of its own.
        size = len(json.dumps(written(permission.properties))) + 150
        sizes[permission.stack, str(permission.properties["FunctionName"])] += size
    assert max(sizes.values()) < MAX_FUNCTION_POLICY_BYTES


def test_apis_have_no_more_routes_than_they_may(app: Synthesised) -> None:
    for kind in ("Route", "Integration"):
        made = Counter(
            str(each.properties["ApiId"]) for each in app.resources(f"AWS::ApiGatewayV2::{kind}")
        )
        assert max(made.values()) < MAX_ROUTES, kind
    for stage in app.resources("AWS::ApiGatewayV2::Stage"):
        log = stage.properties.get("AccessLogSettings", {}).get("Format", "")
        assert len(log) < MAX_ACCESS_LOG_BYTES, stage


def test_no_stream_has_more_than_two_readers(app: Synthesised) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
    readers = Counter(
        json.dumps(mapping.properties["EventSourceArn"])
        for mapping in app.resources("AWS::Lambda::EventSourceMapping")
        if "StartingPosition" in mapping.properties
    )
    assert max(readers.values()) <= 2


def test_only_what_has_a_stage_in_its_name_is_named(app: Synthesised) -> None:
    """What has a fixed name stops a second deployment in the same account."""
    named = {
        str(resource): resource.properties[name]
        for kind, name in NAMED.items()
        for resource in app.resources(kind)
        if name in resource.properties
    }
    assert named
    for resource, name in named.items():
        assert f"event-bus-{app.stage}" in str(name), resource


NAMED = {
    "AWS::ApiGatewayV2::Api": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SecretsManager::Secret": "Name",
}
"""The property that names a resource, by its type."""


def test_the_names_of_functions_keep_the_stage() -> None:
    """Denials name the bus's own functions by how their names begin."""
    # CloudFormation makes a name of at most 64 characters from 24 of the stack's, 24 of the
    # resource's and 12 of its own.
    stage = "s" * MAX_STAGE_LENGTH
    own = f"event-bus-{stage}"
    assert f"{own}-bus"[:24] == own
    assert f"event-bus-{stage}s-bus"[:24] != f"event-bus-{stage}s"


def test_operations_name_every_service_that_whoever_deploys_must_be_granted(
    app: Synthesised,
) -> None:
    text = (ROOT / "docs" / "how-to" / "deploy.md").read_text()
    [named] = re.findall(r"a policy for the services that the stacks use: (.*?);", text)
    prefixes = {"ApiGatewayV2": "apigateway", "ApiGateway": "apigateway"}
    used = {
        prefixes.get(service, service.lower())
        for template in app.templates.values()
        for resource in template["Resources"].values()
        for vendor, service, _ in [resource["Type"].split("::")]
        if vendor == "AWS" and service != "CDK"
    }
    # The guide names what only settings need after these.
    optional = set() if app.local else {"ssm"}
    assert set(re.findall(r"`(\w+)`", named)) == used - optional
    assert optional <= used
