"""The stack of the audit log: its queue, its only writer, and its signatures."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.data import DataStack
from infra.function import BusFunction
from infra.layers import Layers
from infra.nag import accept
from infra.outputs import output
from infra.queue import WorkQueue
from infra.removal import removal_policy
from infra.settings import DeploymentSettings
from infra.stack import StageStack
from infra.storage import deny_deletion, private_bucket
from infra.table_stream import STORED_EVENTS, Batching, TableStreamSource, return_given_up

AUDIT_QUEUE_URL = "AUDIT_QUEUE_URL"
"""The environment variable with the URL of the queue of audit entries."""

_TIMEOUT = cdk.Duration.seconds(60)
# Entries wait for others to share a block with: each block costs a signature.
_WINDOW = cdk.Duration.seconds(10)
_EVENTS_WINDOW = cdk.Duration.seconds(60)


class AuditStack(StageStack):
    """The writer of the audit log, and the bucket of its signatures.

    Attributes:
        queue: The queue of entries.
        write: The function that writes them.
        events_source: The event source that passes accepted events to that function.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings, data: DataStack
    ) -> None:
        super().__init__(
            scope, construct_id, description="Event bus: the audit log", settings=settings
        )
        key = kms.Key(
            self,
            "SigningKey",
            description=f"Event bus, stage {settings.stage}: signatures of the audit log",
            key_spec=kms.KeySpec.ECC_NIST_P256,
            key_usage=kms.KeyUsage.SIGN_VERIFY,
            removal_policy=removal_policy(settings),
        )
        self._bucket = self._heads(data, settings)
        self.queue = WorkQueue(
            self, "AuditQueue", consumer_timeout=_TIMEOUT, window=_WINDOW, settings=settings
        )
        self.write = BusFunction(
            self,
            "Audit",
            folder="audit",
            layers=Layers(self, "Layers", settings=settings),
            timeout=_TIMEOUT,
        )
        # It may add blocks and heads, but neither update nor delete them. `PutItem` could replace a
        # block: the condition of each write prevents that.
        self.write.use_table(data.audit, "PutItem", "Query")
        self.write.use_table(data.metrics, "BatchGetItem", "PutItem")
        self.write.set_variable("AUDIT_RETENTION_DAYS", str(settings.audit_retention_days))
        self.write.allow("kms", ["Sign"], [key.key_arn])
        self.write.set_variable("AUDIT_KEY_ARN", key.key_arn)
        self.write.allow("s3", ["PutObject"], [self._bucket.arn_for_objects("*")])
        self.write.allow("s3", ["ListBucket"], [self._bucket.bucket_arn])
        self.write.allow_key(data.key, "s3", ["PutObject"])
        accept(
            self.write,
            f"IAM5[Resource::<{self.get_logical_id(self._bucket.node.default_child)}.Arn>/*]",  # type: ignore[arg-type]
            "An object is named after the block that it is about.",
        )
        self.write.set_variable("AUDIT_BUCKET", self._bucket.bucket_name)
        self.write.consume(self.queue.queue, max_concurrency=2, window=_WINDOW)
        self._retry_unwritten(data)
        self.events_source = TableStreamSource(
            self,
            "Events",
            table=data.events,
            function=self.write,
            patterns=STORED_EVENTS,
            # The table stream keeps records for a day. They are given up before they are lost.
            batching=Batching(
                cdk.Duration.hours(12), batch_size=1000, batching_window=_EVENTS_WINDOW
            ),
            failures=data.audit_failures,
            settings=settings,
        )
        output(self, "AuditKeyArn", key.key_arn)
        output(self, "AuditBucket", self._bucket.bucket_name)

    def _retry_unwritten(self, data: DataStack) -> None:
        """Sends unwritten events and batches through the queue again."""
        self.write.use_queue(AUDIT_QUEUE_URL, self.queue.queue, "SendMessage")
        self.write.allow_recursion(
            "An event is set aside once: what comes by the queue stays there until it is read."
        )
        self.write.use_table(data.events, "BatchGetItem")
        # An event may be archived before a person moves its message back to the queue.
        self.write.read_archive(data.payloads)
        self.write.detect_missing_objects(data.payloads)
        self.write.allow_objects(
            data.audit_failures,
            ["GetObject"],
            reason="Lambda chooses the names of what it gives up.",
        )
        return_given_up(self, data.audit_failures, "the audit log", self.queue.queue)

    def _heads(self, data: DataStack, settings: DeploymentSettings) -> s3.Bucket:
        bucket = private_bucket(
            self,
            "Heads",
            key=data.key,
            expires=s3.LifecycleRule(
                expiration=cdk.Duration.days(settings.audit_retention_days),
                noncurrent_version_expiration=cdk.Duration.days(settings.audit_retention_days),
                abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
            ),
            settings=settings,
            versioned=True,
        )
        accept(
            bucket,
            "S1",
            "One function writes it; CloudTrail data events record access where an account wants "
            "that, without a further bucket to keep.",
        )
        if not settings.local:
            deny_deletion(bucket, "KeptUntilItsTime")
        return bucket
