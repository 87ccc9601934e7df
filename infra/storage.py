"""Tables and buckets, all encrypted with the bus's key."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.exports import export
from infra.nag import accept
from infra.outputs import output
from infra.removal import removal_policy
from infra.settings import DeploymentSettings
from infra.tables import EXPIRY_ATTRIBUTE, Attribute, Index, Table

_STREAMS = {
    "new": dynamodb.StreamViewType.NEW_IMAGE,
    "both": dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
}


class BusTable(Construct):
    """One table, as `infra.tables` describes it.

    Attributes:
        description: Its keys and indexes.
        table: The table.
        key: The key that encrypts it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        description: Table,
        key: kms.IKey,
        settings: DeploymentSettings,
    ) -> None:
        super().__init__(scope, construct_id)
        self.description = description
        self.key = key
        self._warm = (
            dynamodb.WarmThroughput(write_units_per_second=settings.warm_writes)
            if settings.warm_writes and description.busy
            else None
        )
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=_attribute(description.partition_key),
            sort_key=_attribute(description.sort_key) if description.sort_key else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=EXPIRY_ATTRIBUTE if description.expires else None,
            stream=_STREAMS[description.stream] if description.stream else None,
            warm_throughput=self._warm,
            deletion_protection=settings.protect,
            removal_policy=removal_policy(settings),
        )
        for index in description.indexes:
            self._add_index(index)
        export(self, self.table.table_name, self.table.table_arn)
        if self.table.table_stream_arn:
            export(self, self.table.table_stream_arn)
        output(self, f"{description.title}Table", self.table.table_name)

    def create_after(self, other: "BusTable") -> None:
        """Lets CloudFormation create the table only once another one is created.

        Args:
            other: The other table.
        """
        first, second = (
            cast("dynamodb.CfnTable", each.table.node.default_child) for each in (other, self)
        )
        second.add_resource_dependency(first)

    def index_arns(self, names: tuple[str, ...]) -> list[str]:
        """Returns the ARNs of some of the table's indexes.

        Args:
            names: The names of the indexes.

        Raises:
            ValueError: The table has no such index.
        """
        known = {index.name for index in self.description.indexes}
        if unknown := set(names) - known:
            raise ValueError(f"{self.description.name} has no index {', '.join(sorted(unknown))}")
        return [f"{self.table.table_arn}/index/{name}" for name in names]

    def _add_index(self, index: Index) -> None:
        self.table.add_global_secondary_index(
            index_name=index.name,
            partition_key=_attribute(index.partition_key),
            sort_key=_attribute(index.sort_key),
            projection_type=_projection(index),
            non_key_attributes=list(index.include) if index.include else None,
            # A write to the table waits for the writes to its indexes.
            warm_throughput=self._warm,
        )


def deny_deletion(bucket: s3.Bucket, sid: str, prefix: str = "") -> None:
    """Denies everybody to delete objects of a bucket; its lifecycle rules still do.

    Args:
        bucket: The bucket.
        sid: The id of the statement.
        prefix: How the keys of these objects begin.
    """
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            sid=sid,
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=["s3:DeleteObject", "s3:DeleteObjectVersion"],
            resources=[bucket.arn_for_objects(f"{prefix}*")],
        )
    )


def private_bucket(
    scope: Construct,
    construct_id: str,
    *,
    key: kms.IKey,
    expires: s3.LifecycleRule,
    settings: DeploymentSettings,
    versioned: bool = False,
) -> s3.Bucket:
    """Makes an encrypted bucket that cannot be made public.

    Args:
        scope: The parent construct.
        construct_id: Its id in the parent construct.
        key: The key that encrypts it.
        expires: When its objects expire.
        settings: The settings of the deployment.
        versioned: Whether replaced objects are kept.
    """
    return s3.Bucket(
        scope,
        construct_id,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        # One data key for many objects: a call to KMS costs more than an object.
        bucket_key_enabled=True,
        versioned=versioned or None,
        lifecycle_rules=[expires],
        removal_policy=removal_policy(settings),
    )


class BusBucket(Construct):
    """A private bucket whose objects expire with the retention.

    Attributes:
        bucket: The bucket.
        key: The key that encrypts it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        key: kms.IKey,
        settings: DeploymentSettings,
        expiring: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = key
        self.bucket = private_bucket(
            self,
            "Bucket",
            key=key,
            expires=s3.LifecycleRule(
                # Objects with other keys never expire. Without a prefix, all do.
                prefix=expiring,
                expiration=cdk.Duration.days(settings.retention_days),
                abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
            ),
            settings=settings,
        )
        accept(
            self.bucket,
            "S1",
            "Only functions of the bus read and write it; CloudTrail data events record access "
            "where an account wants that, without a further bucket to keep.",
        )
        export(self, self.bucket.bucket_name, self.bucket.bucket_arn)
        output(self, f"{construct_id}Bucket", self.bucket.bucket_name)

    def announce(self) -> None:
        """Lets the bucket notify EventBridge of every new object."""
        # The construct's own option would deploy a function that sets this one property.
        resource = cast("s3.CfnBucket", self.bucket.node.default_child)
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )


def _projection(index: Index) -> dynamodb.ProjectionType:
    if index.include is None:
        return dynamodb.ProjectionType.ALL
    if not index.include:
        return dynamodb.ProjectionType.KEYS_ONLY
    return dynamodb.ProjectionType.INCLUDE


def _attribute(attribute: Attribute) -> dynamodb.Attribute:
    kind = dynamodb.AttributeType.NUMBER if attribute.type == "N" else dynamodb.AttributeType.STRING
    return dynamodb.Attribute(name=attribute.name, type=kind)
