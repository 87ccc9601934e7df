"""An upgrade keeps what is deployed.

CloudFormation knows a resource by its logical id, and replaces it where one of some properties
changes: a new, empty table takes the place of the old one, a queue loses its messages, an API its
URL. The update fails if Lambda refuses the new resource because of the old one. `stateful.json`
holds the logical ids of these resources, and those properties. Where a test here fails, nothing
that is deployed may be lost: keep the id (`override_logical_id`) and the property, or write the
migration, and change the list in the same commit. What is new is added.
"""

import json
from pathlib import Path
from typing import Any

from tests.unit.infra.synthesised import Resource, Synthesised

LIST = Path(__file__).parent / "stateful.json"

REPLACING = {
    "AWS::ApiGatewayV2::Api": ("ProtocolType",),
    "AWS::ApiGatewayV2::DomainName": (),
    "AWS::DynamoDB::Table": ("KeySchema", "TableName"),
    "AWS::Events::EventBus": (),
    "AWS::KMS::Key": ("KeySpec", "KeyUsage", "MultiRegion"),
    # There may be only one of the same source and function.
    "AWS::Lambda::EventSourceMapping": ("StartingPosition",),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SNS::Topic": ("FifoTopic", "TopicName"),
    "AWS::SQS::Queue": ("FifoQueue", "QueueName"),
    # Another way to generate the value is another value.
    "AWS::SecretsManager::Secret": ("GenerateSecretString", "Name"),
}
"""What holds something that people rely on, or cannot exist twice, and the properties whose change
replaces it, of those that do not hold the stage.
"""


def _index(index: dict[str, Any], types: dict[str, str]) -> list[str]:
    return [*_keys(index["KeySchema"], types), index["Projection"]["ProjectionType"]]


def _keys(schema: list[dict[str, str]], types: dict[str, str]) -> list[str]:
    return [
        f"{each['AttributeName']} {each['KeyType']} {types[each['AttributeName']]}"
        for each in schema
    ]


def _held(resource: Resource) -> dict[str, Any]:
    """What the list holds of a resource."""
    kind, properties = resource.body["Type"], resource.properties
    held = {name: properties[name] for name in REPLACING[kind] if name in properties}
    if kind == "AWS::DynamoDB::Table":
        types = {
            each["AttributeName"]: each["AttributeType"]
            for each in properties["AttributeDefinitions"]
        }
        held["KeySchema"] = _keys(properties["KeySchema"], types)
        held["Indexes"] = {
            each["IndexName"]: _index(each, types)
            for each in properties.get("GlobalSecondaryIndexes", [])
        }
        # Another view is another stream, and what the old one still held is not read.
        held["Stream"] = properties.get("StreamSpecification", {}).get("StreamViewType")
        held["Expiry"] = properties.get("TimeToLiveSpecification", {}).get("AttributeName")
    return {"Type": kind, **held}


def _stateful(app: Synthesised) -> dict[str, dict[str, Any]]:
    return {
        str(resource): _held(resource) for kind in REPLACING for resource in app.resources(kind)
    }


def test_nothing_that_is_deployed_is_replaced_or_forgotten(app: Synthesised) -> None:
    listed: dict[str, Any] = json.loads(LIST.read_text())
    made = _stateful(app)
    assert made == {name: listed.get(name) for name in made}
    if not app.local:
        # The stage of the emulator lacks what only settings ask for.
        assert made.keys() == listed.keys()


def test_every_retained_kind_of_resource_is_listed(app: Synthesised) -> None:
    """A kind of resource that is kept when its stack goes holds data, and belongs in the list."""
    kept = {
        body["Type"]
        for template in app.templates.values()
        for body in template["Resources"].values()
        if body.get("UpdateReplacePolicy") == "Retain"
    }
    assert kept - REPLACING.keys() <= NOTHING_LOST, kept


NOTHING_LOST = {
    # Old versions of layers serve the functions that still use them.
    "AWS::Lambda::LayerVersion",
    # A log continues under another name; earlier lines stay in the old one.
    "AWS::Logs::LogGroup",
    # Settings of the account.
    "AWS::ApiGateway::Account",
    "AWS::IAM::Role",
}
"""What is kept, and may be replaced all the same."""
