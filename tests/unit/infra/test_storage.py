"""What is stored is encrypted, restorable, private, and not deleted by accident."""

import re

from event_bus.stores.archive import ARCHIVE_PREFIX
from event_bus.stores.payloads import KEPT_PREFIX

from infra.settings import DeploymentSettings
from infra.tables import EXPIRY_ATTRIBUTE, TABLES
from tests.unit.infra.synthesised import Resource, Synthesised, listed


def tables(app: Synthesised) -> dict[str, Resource]:
    """The tables, by what they hold."""
    names = {table.construct_id: table.name for table in TABLES}
    found = {names[table.name.split("Table")[0]]: table for table in tables_of(app)}
    assert found.keys() == {table.name for table in TABLES}
    return found


def tables_of(app: Synthesised) -> list[Resource]:
    return app.resources("AWS::DynamoDB::Table")


def test_tables_are_encrypted_and_restorable(app: Synthesised) -> None:
    for name, table in tables(app).items():
        properties = table.properties
        assert properties["SSESpecification"]["SSEEnabled"], name
        assert properties["SSESpecification"]["SSEType"] == "KMS", name
        assert_of_the_bus(properties["SSESpecification"]["KMSMasterKeyId"])
        recovery = properties["PointInTimeRecoverySpecification"]
        assert recovery["PointInTimeRecoveryEnabled"], name
        assert properties["BillingMode"] == "PAY_PER_REQUEST", name


def assert_of_the_bus(key: object) -> None:
    """A key is that of the bus for stored data, and not one of AWS or the sealing key."""
    assert re.search(r"'(Key|[^']*GetAttKey)[0-9A-F]{8}(Arn[0-9A-F]{8})?'", str(key)), key


def test_items_expire_where_they_should_and_nowhere_else(app: Synthesised) -> None:
    expiring = {
        name: table.properties["TimeToLiveSpecification"]
        for name, table in tables(app).items()
        if "TimeToLiveSpecification" in table.properties
    }
    # The entries of streams stay, because numbers must not start again. Registrations stay as well.
    assert expiring.keys() == {
        *("events", "deliveries", "circuits", "cursors", "inbox", "socket_subscribers", "replays"),
        *("limits", "idempotency", "audit"),
        # Only the snapshots of states.
        "states",
        # Only the stream tokens among the keys.
        "keys",
        "metrics",
    }
    for specification in expiring.values():
        assert specification == {"AttributeName": EXPIRY_ATTRIBUTE, "Enabled": True}


def test_streams_tell_what_their_functions_need(app: Synthesised) -> None:
    streams = {
        name: table.properties["StreamSpecification"]["StreamViewType"]
        for name, table in tables(app).items()
        if "StreamSpecification" in table.properties
    }
    assert streams == {
        "events": "NEW_IMAGE",
        "inbox": "NEW_IMAGE",
        "deliveries": "NEW_AND_OLD_IMAGES",
    }


def test_keys_and_indexes_are_those_described(app: Synthesised) -> None:
    made = tables(app)
    for table in TABLES:
        properties = made[table.name].properties
        keys = {key["KeyType"]: key["AttributeName"] for key in properties["KeySchema"]}
        assert keys["HASH"] == table.partition_key.name
        assert keys.get("RANGE") == (table.sort_key and table.sort_key.name)
        indexes = {
            index["IndexName"]: index["Projection"]
            for index in properties.get("GlobalSecondaryIndexes", [])
        }
        assert indexes == {
            index.name: (
                {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.include)}
                if index.include
                else {"ProjectionType": "ALL" if index.include is None else "KEYS_ONLY"}
            )
            for index in table.indexes
        }


def test_tables_with_indexes_are_created_one_after_the_other(app: Synthesised) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
    made = tables_of(app)
    names = {table.name for table in made}
    before = {
        table.name: names.intersection(listed(table.body.get("DependsOn", [])))
        for table in made
        if "GlobalSecondaryIndexes" in table.properties
    }
    assert len(before) > 1
    created: list[str] = []
    while len(created) < len(before):
        # Each waits for the one before it, and so for all.
        [created_next] = [name for name, waits in before.items() if waits == {*created[-1:]}]
        created.append(created_next)


def test_odd_events_due_deliveries_and_dead_letters_have_sparse_indexes(app: Synthesised) -> None:
    made = tables(app)
    indexes = {
        (table, index["IndexName"]): (
            {key["KeyType"]: key["AttributeName"] for key in index["KeySchema"]},
            set(index["Projection"].get("NonKeyAttributes", ())),
        )
        for table in ("events", "deliveries")
        for index in made[table].properties["GlobalSecondaryIndexes"]
    }
    assert indexes["events", "by_odd"] == (
        {"HASH": "odd_shard", "RANGE": "odd_position"},
        {"type", "source", "correlation_id", "trace_id"},
    )
    assert indexes["deliveries", "by_due"] == (
        {"HASH": "due_shard", "RANGE": "due_at"},
        {"service_id", "attempts", "round_start", "protocol"},
    )
    assert indexes["deliveries", "by_dead"] == (
        {"HASH": "dead_shard", "RANGE": "dead_letter_id"},
        set(),
    )
    assert indexes["deliveries", "by_dead_service"] == (
        {"HASH": "dead_service_shard", "RANGE": "dead_letter_id"},
        set(),
    )


def test_stored_data_outlives_its_stack_except_locally(app: Synthesised) -> None:
    stored = [
        *tables_of(app),
        *app.resources("AWS::S3::Bucket"),
        *app.resources("AWS::KMS::Key"),
        *app.resources("AWS::SecretsManager::Secret"),
        *app.resources("AWS::SQS::Queue"),
        *app.resources("AWS::Logs::LogGroup"),
    ]
    for resource in stored:
        # A failed first deployment removes what it made, so that the next one can start.
        kept = "Delete" if app.local else "RetainExceptOnCreate"
        assert resource.body["DeletionPolicy"] == kept, resource
        # A replaced one stays in any case.
        replaced = "Delete" if app.local else "Retain"
        assert resource.body["UpdateReplacePolicy"] == replaced, resource


def test_tables_refuse_to_be_deleted_where_the_settings_protect_them(app: Synthesised) -> None:
    for table in tables_of(app):
        assert table.properties["DeletionProtectionEnabled"] is not app.local, table


def test_busy_tables_and_their_indexes_are_warm_where_the_settings_say_so(
    app: Synthesised,
) -> None:
    for name, table in tables(app).items():
        busy = name in ("events", "deliveries") and not app.local
        warm = {"WriteUnitsPerSecond": 8000} if busy else None
        assert table.properties.get("WarmThroughput") == warm, name
        # A write to the table waits for those to its indexes.
        for index in table.properties.get("GlobalSecondaryIndexes", []):
            assert index.get("WarmThroughput") == warm, name


def test_a_first_deployment_that_fails_leaves_nothing_that_stops_the_next() -> None:
    # Every worker collects all tests, and the CDK takes seconds.
    import aws_cdk as cdk
    from aws_cdk.assertions import Template

    from infra.data import DataStack

    stack = DataStack(cdk.App(), "Data", settings=DeploymentSettings(stage="first"))
    resources = Template.from_stack(stack).to_json()["Resources"]
    # CloudFormation deletes neither a protected stack nor a protected table when it rolls back.
    assert stack.termination_protection is False
    assert {
        body["Properties"]["DeletionProtectionEnabled"]
        for body in resources.values()
        if body["Type"] == "AWS::DynamoDB::Table"
    } == {False}
    assert "Retain" not in {body.get("DeletionPolicy") for body in resources.values()}


def test_protected_stacks_refuse_to_be_deleted() -> None:
    # Every worker collects all tests, and the CDK takes seconds.
    import aws_cdk as cdk

    from infra.stack import StageStack

    for protect in (False, True):
        settings = DeploymentSettings(protect=protect)
        stack = StageStack(cdk.App(), "Any", description="Any", settings=settings)
        assert stack.termination_protection is protect


def test_buckets_are_private_encrypted_and_empty_themselves(app: Synthesised) -> None:
    buckets = app.resources("AWS::S3::Bucket")
    assert len(buckets) == 5
    for bucket in buckets:
        # What is left out is public.
        assert bucket.properties["PublicAccessBlockConfiguration"] == {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        }, bucket
        (rule,) = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["BucketKeyEnabled"], bucket
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms", bucket
        assert_of_the_bus(rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"])
        (lifecycle,) = bucket.properties["LifecycleConfiguration"]["Rules"]
        assert lifecycle["ExpirationInDays"] == (365 if bucket.stack == "Audit" else 30), bucket
        # The payloads of kept events have other keys.
        payloads = bucket.name.startswith("Payloads")
        assert lifecycle.get("Prefix") == ("events/" if payloads else None), bucket
        if payloads:
            for kept in (KEPT_PREFIX, ARCHIVE_PREFIX):
                assert not kept.startswith(lifecycle["Prefix"])
        # Otherwise S3 keeps the parts of an upload that was never completed.
        assert lifecycle["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}, bucket
        assert lifecycle["Status"] == "Enabled", bucket


def test_buckets_refuse_what_is_not_encrypted_on_its_way(app: Synthesised) -> None:
    buckets = {bucket.name for bucket in app.resources("AWS::S3::Bucket")}
    policies = app.resources("AWS::S3::BucketPolicy")
    assert {policy.properties["Bucket"]["Ref"] for policy in policies} == buckets
    for policy in policies:
        denied = [
            each["Condition"]
            for each in policy.properties["PolicyDocument"]["Statement"]
            if (each["Effect"], each["Action"], each["Principal"]) == ("Deny", "s3:*", {"AWS": "*"})
        ]
        assert {"Bool": {"aws:SecureTransport": "false"}} in denied, policy
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in denied, policy


def test_a_signed_head_that_is_overwritten_stays(app: Synthesised) -> None:
    (heads,) = [each for each in app.resources("AWS::S3::Bucket") if each.stack == "Audit"]
    assert heads.properties["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = heads.properties["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": rule["ExpirationInDays"]}


def test_no_other_bucket_keeps_what_expired(app: Synthesised) -> None:
    # Where objects have versions, an expired one stays as a version.
    for bucket in app.resources("AWS::S3::Bucket"):
        assert ("VersioningConfiguration" in bucket.properties) is (bucket.stack == "Audit"), bucket


def test_the_keys_rotate(app: Synthesised) -> None:
    keys = app.resources("AWS::KMS::Key")
    # A key that signs keeps its public half.
    rotating = [key for key in keys if key.properties.get("KeyUsage") != "SIGN_VERIFY"]
    assert len(rotating) == len(keys) - 1 == 2
    assert all(key.properties["EnableKeyRotation"] is True for key in rotating)


def test_the_admin_key_is_long_and_easily_typed(app: Synthesised) -> None:
    (secret,) = app.resources("AWS::SecretsManager::Secret")
    generated = secret.properties["GenerateSecretString"]
    assert generated["PasswordLength"] >= 40
    assert set("\"'\\/ $&") - {" "} <= set(generated["ExcludeCharacters"])
    assert not generated.get("IncludeSpace")
