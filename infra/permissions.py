"""The permissions of a function, and its environment.

The two belong together: `use_table` and similar methods grant single actions on one resource and
put its name into the function's environment.
"""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from event_bus.encryption import data_keys
from event_bus.stores.archive import ARCHIVE_PREFIX
from event_bus.stores.payloads import EXPIRING_PREFIX, KEPT_PREFIX

from infra.data import DataStack, secret_arn
from infra.nag import accept_resource, accept_wildcard
from infra.settings import DeploymentSettings
from infra.storage import BusBucket, BusTable

# Granted actions that write data which the key encrypts.
_WRITES = frozenset({"DeleteItem", "PutItem", "PutObject", "UpdateItem"})
# How a service uses the key for a caller that reads, and how else for a caller that writes
# (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html,
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html,
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html).
_KEY_TO_READ = {
    "dynamodb": ("kms:Decrypt", "kms:DescribeKey"),
    "s3": ("kms:Decrypt",),
    "secretsmanager": ("kms:Decrypt",),
}
_KEY_TO_WRITE = {
    "dynamodb": ("kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
    "s3": ("kms:GenerateDataKey",),
}


class PermittedFunction(Construct):
    """A function with a role of its own.

    Attributes:
        function: The function.
        role: Its role.
        settings: The settings of the deployment.
    """

    function: lambda_.Function
    role: iam.Role
    settings: DeploymentSettings

    def allow(
        self,
        service: str,
        actions: Sequence[str],
        resources: Sequence[str],
        *,
        if_equal: Mapping[str, str] | None = None,
    ) -> None:
        """Allows the function certain actions on certain resources.

        Args:
            service: The prefix of the actions, such as `dynamodb`.
            actions: The actions without the prefix.
            resources: The ARNs.
            if_equal: Values that condition keys of the request must have.
        """
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=[f"{service}:{action}" for action in actions],
                resources=list(resources),
                conditions={"StringEquals": dict(if_equal)} if if_equal else None,
            )
        )

    def deny(
        self,
        service: str,
        action: str,
        resources: Sequence[str],
        *,
        unless_equal: Mapping[str, str] | None = None,
        apart: bool = False,
    ) -> None:
        """Denies the function an action on resources, whatever else allows it.

        Args:
            service: The prefix of the action.
            action: The action without the prefix.
            resources: The ARNs.
            unless_equal: Values of condition keys for which the denial does not hold. It holds if
                a request has no such key.
            apart: Whether the denial has a policy of its own, because it names so many resources
                that the CDK would otherwise move it from the role to a managed policy.
        """
        unless = {"StringNotEquals": dict(unless_equal)} if unless_equal else None
        denial = iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=[f"{service}:{action}"],
            resources=list(resources),
            conditions=unless,
        )
        if apart:
            iam.Policy(self.role, "Denied", statements=[denial], roles=[self.role])
        else:
            self.role.add_to_policy(denial)

    def allow_key(self, key: kms.IKey, service: str, actions: Sequence[str]) -> None:
        """Lets the function use a key through one service, as far as its actions there need it.

        Args:
            key: The key with which the service encrypts.
            service: The service, such as `dynamodb`.
            actions: The actions of the service that the function may take.
        """
        writes = _WRITES.intersection(actions)
        usages = [*_KEY_TO_READ[service], *(_KEY_TO_WRITE[service] if writes else ())]
        through = f"{service}.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=usages,
                resources=[key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": through}},
            )
        )

    def use_table(self, table: BusTable, *actions: str, indexes: tuple[str, ...] = ()) -> None:
        """Lets the function use a table.

        Args:
            table: The table.
            actions: DynamoDB actions; none if it only queries indexes.
            indexes: The indexes that it may query.

        Raises:
            ValueError: The table has no such index.
        """
        if actions:
            self.allow("dynamodb", actions, [table.table.table_arn])
        if indexes:
            self.allow("dynamodb", ["Query"], table.index_arns(indexes))
        self.allow_key(table.key, "dynamodb", actions)
        self.set_variable(table.description.variable, table.table.table_name)

    def use_bucket(self, bucket: BusBucket, action: str) -> None:
        """Lets the function read every object of the bucket of payloads, or put payloads there.

        Args:
            bucket: The bucket.
            action: `GetObject` or `PutObject`.
        """
        self.allow_objects(
            bucket,
            [action],
            prefixes=(EXPIRING_PREFIX, KEPT_PREFIX) if action == "PutObject" else ("",),
            reason="The bucket holds events and their payloads, and any may be asked for.",
        )
        if action == "GetObject":
            self.detect_missing_objects(bucket)
        self.set_variable("PAYLOADS_BUCKET", bucket.bucket.bucket_name)

    def read_archive(self, bucket: BusBucket) -> None:
        """Lets the function read archived events, but no payloads."""
        self._allow_archive(bucket, "GetObject")

    def write_archive(self, bucket: BusBucket) -> None:
        """Lets the function add objects to the archive."""
        self._allow_archive(bucket, "PutObject")

    def _allow_archive(self, bucket: BusBucket, action: str) -> None:
        self.allow_objects(
            bucket,
            [action],
            prefixes=(ARCHIVE_PREFIX,),
            reason="Objects of the archive are named after their content.",
        )
        self.set_variable("PAYLOADS_BUCKET", bucket.bucket.bucket_name)

    def detect_missing_objects(self, bucket: BusBucket) -> None:
        """Lets the function distinguish a missing object from one that it may not read.

        Without the right to list, S3 answers 403 for both
        (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
        """
        self.allow("s3", ["ListBucket"], [bucket.bucket.bucket_arn])

    def allow_objects(
        self,
        bucket: BusBucket,
        actions: Sequence[str],
        *,
        prefixes: Sequence[str] = ("",),
        reason: str,
    ) -> None:
        """Lets the function act on objects of a bucket.

        Args:
            bucket: The bucket.
            actions: Actions of S3 on objects.
            prefixes: How the keys of these objects begin.
            reason: Why no single object can be named.
        """
        self.allow("s3", actions, [bucket.bucket.arn_for_objects(f"{each}*") for each in prefixes])
        self.allow_key(bucket.key, "s3", actions)
        for each in prefixes:
            accept_wildcard(
                self,
                owner=bucket,
                arn=bucket.bucket.bucket_arn,
                suffix=f"/{each}*",
                reason=reason,
            )

    def use_queue(self, variable: str, queue: sqs.IQueue, *actions: str) -> None:
        """Lets the function use a queue.

        Args:
            variable: The environment variable with the queue's URL.
            queue: The queue.
            actions: Actions of SQS.
        """
        self.allow("sqs", actions, [queue.queue_arn])
        self.set_variable(variable, queue.queue_url)

    def receive_from(self, queue: sqs.IQueue) -> None:
        """Lets the function receive the messages of a queue as its consumer.

        Args:
            queue: The queue.
        """
        self.allow(
            "sqs",
            ["DeleteMessage", "GetQueueAttributes", "ReceiveMessage"],
            [queue.queue_arn],
        )

    def count_subscriptions(self, data: DataStack) -> None:
        """Lets the function count the subscriptions of services that it creates or removes.

        Args:
            data: What is stored.
        """
        self.use_table(data.changes, "GetItem", "UpdateItem")
        self.use_table(data.subscriptions, "BatchGetItem", indexes=("by_service",))

    def use_secret(self, variable: str, secret: secretsmanager.Secret, key: kms.IKey) -> None:
        """Lets the function read a secret.

        Args:
            variable: The environment variable with the secret's ARN.
            secret: The secret.
            key: The key that encrypts it.
        """
        arn = secret_arn(secret)
        self.allow("secretsmanager", ["GetSecretValue"], [arn])
        self.allow_key(key, "secretsmanager", ["GetSecretValue"])
        self.set_variable(variable, arn)

    def watch_secret(self, variable: str, secret: secretsmanager.Secret) -> None:
        """Lets the function read the current version of a secret, but not its value.

        Args:
            variable: The environment variable with the secret's ARN.
            secret: The secret.
        """
        arn = secret_arn(secret)
        self.allow("secretsmanager", ["DescribeSecret"], [arn])
        self.set_variable(variable, arn)

    def use_sealing_key(self, key: kms.IKey, purpose: str, *actions: str) -> None:
        """Lets the function seal and open data with the sealing key.

        Args:
            key: The key.
            purpose: The purpose that the encryption context of its calls names.
            actions: Actions of KMS.
        """
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=[f"kms:{action}" for action in actions],
                resources=[key.key_arn],
                # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
                conditions={"StringEquals": {"kms:EncryptionContext:purpose": purpose}},
            )
        )
        self.set_variable("SEALING_KEY_ARN", key.key_arn)

    def open_payloads(self, data: DataStack) -> None:
        """Lets the function open sensitive parts of payloads.

        Args:
            data: What is stored.
        """
        self.use_sealing_key(data.sealing_key, data_keys.PURPOSE, "Decrypt")
        self.use_table(data.publishers, "GetItem")

    def seal_payloads(self, data: DataStack) -> None:
        """Lets the function seal sensitive parts of payloads, and recognise repetitions.

        Args:
            data: What is stored.
        """
        self.use_sealing_key(data.sealing_key, data_keys.PURPOSE, "Decrypt", "GenerateDataKey")
        # The table of publishers also has the schemas of their event types.
        self.use_table(data.publishers, "BatchGetItem", "GetItem")

    def remember_answers(self, data: DataStack) -> None:
        """Lets the function store answers to requests with an idempotency key, and repeat them.

        Args:
            data: What is stored.
        """
        self.use_table(data.idempotency, "DeleteItem", "PutItem", "UpdateItem")
        self.use_sealing_key(data.sealing_key, data_keys.KEPT_ANSWERS, "Decrypt", "GenerateDataKey")

    def read_rights(self, data: DataStack, *actions: str, indexes: tuple[str, ...] = ()) -> None:
        """Lets the function read rights.

        Args:
            data: What is stored.
            actions: Actions of DynamoDB on the table of rights.
            indexes: The indexes of the table that it may query.
        """
        self.use_table(data.rights, *actions, indexes=indexes)
        self.set_variable("DEFAULT_RECEIVE", self.settings.default_receive)

    def use_retention(self) -> None:
        """Tells the function for how many days events are kept."""
        self.set_variable("RETENTION_DAYS", str(self.settings.retention_days))

    def read_statistics(self) -> None:
        """Lets the function read the statistics of metrics from CloudWatch."""
        self.allow("cloudwatch", ["GetMetricStatistics"], ["*"])
        accept_resource(
            self,
            "*",
            "Metrics are no resources that a role could name, and the action reads metrics alone.",
        )

    def set_variable(self, variable: str, value: str) -> None:
        """Sets a variable of the function's environment."""
        self.function.add_environment(variable, value)
